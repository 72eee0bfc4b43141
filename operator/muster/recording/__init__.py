"""What was observed and known of customers, kept to plan from again without any system.

A recording is taken from live systems, lies in a file, and is observed like systems. It holds
names, addresses and ids of people, and no secret.
"""
