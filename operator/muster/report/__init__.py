"""Pure reports: what people read in status, in plans and in account resources."""
