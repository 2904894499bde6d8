package main

import (
	"fmt"
	"net/http"
)

func greet(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[1:]
	fmt.Fprintf(w, "Hello, %s", name)
}

func main() {
	panic(http.ListenAndServe(":8080", http.HandlerFunc(greet)))
}
