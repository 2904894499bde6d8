// Command catalog lists the shop's books, with what is in stock.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Greeting is what visitors read first: edit it, save, and see it change in the cluster.
const Greeting = "Welcome to the bookshop"

//go:embed books.json
var files embed.FS

type book struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Stock int    `json:"stock"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	stock := &redis{address: os.Getenv("REDIS_ADDRESS"), password: os.Getenv("REDIS_PASSWORD")}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /books", func(w http.ResponseWriter, r *http.Request) { listBooks(w, r, stock) })
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	log.Printf("catalog: listening on %s, currency %s", server.Addr, os.Getenv("CURRENCY"))
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func listBooks(w http.ResponseWriter, r *http.Request, stock *redis) {
	data, err := files.ReadFile("books.json")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var books []book
	if err := json.Unmarshal(data, &books); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for i := range books {
		if n, err := stock.count(r.Context(), "stock:"+books[i].ID); err == nil {
			books[i].Stock = n
		}
	}
	hostname, _ := os.Hostname()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"greeting": Greeting, "currency": os.Getenv("CURRENCY"), "books": books, "served_by": hostname,
	})
}
