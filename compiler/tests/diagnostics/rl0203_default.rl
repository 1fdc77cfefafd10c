input { region : one of "us", "eu" = "uss" }
