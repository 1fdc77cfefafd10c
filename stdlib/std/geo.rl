# std.geo: where a request comes from, and countries that are named together.
#
# The facts are told by the host: it reads them from a MaxMind database by the request's `ip`, or from a header that its
# own edge sets and takes off what clients send: `input { country : string? from header "cf-ipcountry" trusted }`.
# Countries are two letters of ISO 3166-1, as the databases have them. `use std.geo (eu)`, then
# `if country in eu then …`; an unknown country is in none.
# Members as of 2026-01-01, from the public lists of each body.
edition 2026

module std.geo

input {
  ## The country of the address, in two capital letters.
  country: string?

  ## Its continent: AF, AN, AS, EU, NA, OC or SA.
  continent: string?

  ## The country's subdivision by ISO 3166-2 without the country: "CA" for California.
  subdivision: string?

  ## The city's name in English.
  city: string?

  ## The number of the autonomous system that announces the address.
  asn: int?
}

## The European Union: 27 states.
set eu =
  "AT",
  "BE",
  "BG",
  "CY",
  "CZ",
  "DE",
  "DK",
  "EE",
  "ES",
  "FI",
  "FR",
  "GR",
  "HR",
  "HU",
  "IE",
  "IT",
  "LT",
  "LU",
  "LV",
  "MT",
  "NL",
  "PL",
  "PT",
  "RO",
  "SE",
  "SI",
  "SK"

## The European Economic Area: the Union, Iceland, Liechtenstein and Norway.
set eea =
  "AT",
  "BE",
  "BG",
  "CY",
  "CZ",
  "DE",
  "DK",
  "EE",
  "ES",
  "FI",
  "FR",
  "GR",
  "HR",
  "HU",
  "IE",
  "IS",
  "IT",
  "LI",
  "LT",
  "LU",
  "LV",
  "MT",
  "NL",
  "NO",
  "PL",
  "PT",
  "RO",
  "SE",
  "SI",
  "SK"

## The Schengen area: the Union without Cyprus and Ireland, with Iceland, Liechtenstein, Norway and Switzerland.
set schengen =
  "AT",
  "BE",
  "BG",
  "CH",
  "CZ",
  "DE",
  "DK",
  "EE",
  "ES",
  "FI",
  "FR",
  "GR",
  "HR",
  "HU",
  "IS",
  "IT",
  "LI",
  "LT",
  "LU",
  "LV",
  "MT",
  "NL",
  "NO",
  "PL",
  "PT",
  "RO",
  "SE",
  "SI",
  "SK"

## States of the Union whose currency is the euro: 21, with Bulgaria.
set eurozone =
  "AT",
  "BE",
  "BG",
  "CY",
  "DE",
  "EE",
  "ES",
  "FI",
  "FR",
  "GR",
  "HR",
  "IE",
  "IT",
  "LT",
  "LU",
  "LV",
  "MT",
  "NL",
  "PT",
  "SI",
  "SK"

## The European Free Trade Association.
set efta = "CH", "IS", "LI", "NO"

## Germany, Austria and Switzerland.
set dach = "AT", "CH", "DE"

## Belgium, the Netherlands and Luxembourg.
set benelux = "BE", "LU", "NL"

## The states of the Nordic Council.
set nordics = "DK", "FI", "IS", "NO", "SE"

## The Group of Seven.
set g7 = "CA", "DE", "FR", "GB", "IT", "JP", "US"

## The states of the Group of Twenty; the European and the African Union are members too, and their states are not listed.
set g20 =
  "AR",
  "AU",
  "BR",
  "CA",
  "CN",
  "DE",
  "FR",
  "GB",
  "ID",
  "IN",
  "IT",
  "JP",
  "KR",
  "MX",
  "RU",
  "SA",
  "TR",
  "US",
  "ZA"

## Canada, Mexico and the United States.
set usmca = "CA", "MX", "US"

## The Association of Southeast Asian Nations: eleven states, with Timor-Leste.
set asean = "BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "TL", "VN"

## The Gulf Cooperation Council.
set gcc = "AE", "BH", "KW", "OM", "QA", "SA"
