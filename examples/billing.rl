# How do I limit what is billed by other things than requests: images, pages, mails? The units come with std.units.
edition 2026
use std.http
use std.units

input {
  org: key
  pictures: images = 1 image
  sheets: pages = 1 page
  recipients: emails = 1 email
}

rule generate {
  on POST "/v1/images"
  limit images_per_day: 50 images/day per org resets in "UTC" costing pictures
}

rule scan {
  on POST "/v1/scans"
  limit pages_per_hour: 2_000 pages/hour per org costing sheets
  if sheets > 500 pages then deny 413 "A scan takes up to 500 pages."
}

rule mail {
  on POST "/v1/mails"
  limit mails_per_month: 10k emails/month per org resets in "UTC" costing recipients
  limit pace: 100 emails/s per org burst 500 emails costing recipients
}

test "a request costs as many images as it asks for" {
  given org = "acme"
  send 12 POST "/v1/images" with pictures = 4 images expect allow
  send POST "/v1/images" with pictures = 4 images expect reject by images_per_day
  send POST "/v1/images" with pictures = 2 images expect allow
}

test "a large mailing goes out at the pace of the line" {
  given org = "acme"
  send POST "/v1/mails" with recipients = 500 emails expect allow
  send POST "/v1/mails" with recipients = 100 emails expect reject by pace, retry after == 1 s
  wait 1 s
  send POST "/v1/mails" with recipients = 100 emails expect allow
}

test "a scan has a size" {
  given org = "acme"
  send POST "/v1/scans" with sheets = 501 pages expect deny 413
  send 4 POST "/v1/scans" with sheets = 500 pages expect allow
  send POST "/v1/scans" expect reject by pages_per_hour
}
