input { region : one of "us", "eu", "us" }
