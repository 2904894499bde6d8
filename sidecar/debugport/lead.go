package debugport

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// relays leads each connection to the best debugger of its moment.
func relays(ctx context.Context, s *server, listener net.Listener) {
	var clients sync.WaitGroup
	defer clients.Wait()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		clients.Go(func() {
			defer client.Close()
			for _, t := range s.targets(ctx) {
				if debugger, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.address.String()); err == nil {
					s.met.Store(true)
					exchange(ctx, client, debugger)
					return
				}
			}
		})
	}
}

// exchange passes on what either says, until one of them ends.
func exchange(ctx context.Context, client, debugger net.Conn) {
	done := func() { client.Close(); debugger.Close() }
	stop := context.AfterFunc(ctx, done)
	defer stop()
	var copying sync.WaitGroup
	copying.Go(func() { defer done(); _, _ = io.Copy(debugger, client) })
	copying.Go(func() { defer done(); _, _ = io.Copy(client, debugger) })
	copying.Wait()
}

// inspectors lists the inspectors of all processes as those of one, the best first, and leads a client to the one that
// it chose.
func inspectors(ctx context.Context, s *server, listener net.Listener) {
	mux := http.NewServeMux()
	mux.HandleFunc("/json", s.list)
	mux.HandleFunc("/json/list", s.list)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		for _, t := range s.targets(r.Context()) {
			if strings.HasPrefix(r.URL.Path, "/json/") || offers(r, t) {
				to := &url.URL{Scheme: "http", Host: t.address.String()}
				proxy := &httputil.ReverseProxy{
					Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = p.In.Host },
				}
				proxy.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	_ = server.Serve(listener)
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	all := []json.RawMessage{}
	for _, t := range s.targets(r.Context()) {
		if list, err := listOf(r, t); err == nil {
			all = append(all, list...)
		}
	}
	if len(all) > 0 {
		s.met.Store(true)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(all)
}

// offers says whether an inspector has the program that a path names.
func offers(r *http.Request, t target) bool {
	list, err := listOf(r, t)
	for _, entry := range list {
		var program struct{ ID string }
		if err == nil && json.Unmarshal(entry, &program) == nil && program.ID == strings.TrimPrefix(r.URL.Path, "/") {
			return true
		}
	}
	return false
}

// askLimit limits a question to an inspector, whose process may hang.
const askLimit = time.Second

// listOf is what an inspector has to offer, with addresses as the client has to write them.
func listOf(r *http.Request, t target) ([]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.address.String()+"/json/list", nil)
	if err != nil {
		return nil, err
	}
	request.Host = r.Host
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	const most = 1 << 20
	var list []json.RawMessage
	err = json.NewDecoder(io.LimitReader(response.Body, most)).Decode(&list)
	return list, err
}
