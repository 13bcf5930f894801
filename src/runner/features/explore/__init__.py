"""What the features are like, alone, together and over time, and what the outcome is worth: measured for the report, judged by nobody."""
