#!/bin/sh
export GREETING=Hello
cd . && exec npm start
