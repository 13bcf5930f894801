"""Room 2: from declared sources to a contract-checked training table and a sealed test."""
