#!/bin/sh
# Makes and updates Temporal's two databases. Runs to its end before the server starts; running it again changes nothing.
set -eu
for pair in temporal:temporal temporal_visibility:visibility; do
  database=${pair%%:*}
  schema=${pair##*:}
  sql() { temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u trubka --db "$database" "$@"; }
  sql create
  sql setup-schema -v 0.0
  sql update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
