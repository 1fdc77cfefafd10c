use std.http

input {
  user              : key
  geographic_region : string
  time_of_day       : one of "business_hours", "after_hours"
}

rule api per user {
  IF (geographic_region == "US" AND time_of_day == "business_hours")
  THEN limit = 1000 per minute
  ELSE limit = 500 per minute
}
