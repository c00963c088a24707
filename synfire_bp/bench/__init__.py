"""`synfire-bp bench`: what a training sample costs here, and beside what."""
