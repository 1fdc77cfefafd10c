set odd = "us", 5
