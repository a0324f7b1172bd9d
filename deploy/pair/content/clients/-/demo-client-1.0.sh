#!/bin/sh
# A client as small as can be: it asks which site serves.
exec curl -sS "${1:?usage: $0 URL/COMPANY}/detectbackup"
