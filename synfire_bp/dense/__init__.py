"""Row-wise C++ for dense projections of any Brian2 model; knows no circuit."""
