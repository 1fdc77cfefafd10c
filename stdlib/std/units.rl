# std.units: what people bill by, besides requests, tokens, bytes and money.
#
# `use std.units` makes the words of these units known, after numbers and as types of facts: `limit 50 images/day per user
# costing pictures`, with `input { pictures : images }`. They are whole numbers, never negative, and mix with nothing else. A
# unit of your own is one line: `unit frames, frame`.
edition 2026

module std.units

## What a service makes or shows.
unit images, image

## Sides of a document.
unit pages, page

## Files with a text, whatever their length.
unit documents, document

## Mails that are sent.
unit emails, email

## Short messages, to a phone or in a chat.
unit messages, message

## Pieces of what a customer has: rows, products, contacts.
unit records, record

## What is asked of a database or a search.
unit queries, query

## Runs of a build, a report, a workflow.
unit jobs, job

## People who may use a service.
unit seats, seat

## What a service charges in a currency of its own.
unit credits, credit
