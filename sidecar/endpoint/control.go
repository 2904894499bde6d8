package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// control serves the calls to the sidecar itself.
func (e *Endpoint) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+control.PathReady, func(w http.ResponseWriter, r *http.Request) {
		var ready control.Ready
		if err := json.NewDecoder(r.Body).Decode(&ready); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, ready, SetGate(e.root, ready.Ready))
	})
	mux.HandleFunc("GET "+control.PathSync("{folder}"), e.withEngine(func(_ context.Context, engine *filesync.Engine) (any, error) {
		return engine.Status()
	}))
	mux.HandleFunc("POST "+control.PathScan("{folder}"), e.withEngine(func(ctx context.Context, engine *filesync.Engine) (any, error) {
		return struct{}{}, engine.Scan(ctx)
	}))
	mux.HandleFunc("POST "+control.PathReach, func(w http.ResponseWriter, r *http.Request) {
		var wanted control.Reach
		if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, control.Reached{Down: unreachable(r.Context(), wanted)}, nil)
	})
	return mux
}

func (e *Endpoint) withEngine(do func(context.Context, *filesync.Engine) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		engine := e.engine(r.PathValue("folder"))
		if engine == nil {
			http.Error(w, "the folder is not synced yet", http.StatusNotFound)
			return
		}
		v, err := do(r.Context(), engine)
		reply(w, v, err)
	}
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// gateFile keeps what the sidecar was told, over a restart of its container.
const gateFile = contract.RunDir + "/ready"

// SetGate opens or closes the readiness gate.
func SetGate(root string, open bool) error {
	text := "false"
	if open {
		text = "true"
	}
	path := root + gateFile
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Gate says whether the twin may receive Service traffic: what the sidecar was told last, or for a new pod, what the session's
// Secret said when it started.
func Gate(root string) (bool, error) {
	for _, file := range []string{gateFile, contract.TokenDir + "/" + contract.SecretReady} {
		text, err := os.ReadFile(root + file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		return strings.TrimSpace(string(text)) == "true", err
	}
	return false, nil
}
