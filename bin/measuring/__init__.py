"""What `make bench` is made of: data, scenarios, a client, and how results are told."""
