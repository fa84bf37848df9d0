"""One row of the benchmark a file: `measure(bench)` → what goes into the JSON, `table(found)` → a `Table` of it."""
