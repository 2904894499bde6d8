#!/bin/sh
export GREETING=Hello
exec gunicorn --bind 0.0.0.0:8080 hello:app
