"""What is learnt: data sets, and how well outputs match labels."""
