#!/bin/sh
# Makes the login that the server runs under; the postgres image calls this once, on an empty data folder.
# It owns nothing and inherits nothing: each transaction takes the role of one tenant.
set -eu
: "${SCOREDESK_APP_PASSWORD:?set it in docker/.env: letters and digits}"
psql --set=ON_ERROR_STOP=1 --set=password="$SCOREDESK_APP_PASSWORD" \
    --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
CREATE ROLE scoredesk_app LOGIN NOINHERIT PASSWORD :'password';
SQL
