"""What a change of revision means: config, stages, cost, results, gates, test uses and sign-offs, told for a reviewer."""
