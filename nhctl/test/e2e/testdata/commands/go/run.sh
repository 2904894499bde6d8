#!/bin/sh
cd . && go build -o bin/greeter . && exec ./bin/greeter
