package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
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
	mux.HandleFunc("POST "+control.PathReach, func(w http.ResponseWriter, r *http.Request) {
		var wanted control.Reach
		if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, control.Reached{Down: unreachable(r.Context(), wanted)}, nil)
	})
	e.controlSync(mux)
	return mux
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

// AwaitGate returns once the gate is open, or with the reason when ctx ends. The kubelet, whose probe waits here, so
// learns of the opening at once instead of at its next look.
func AwaitGate(ctx context.Context, root string) error {
	for {
		if open, err := Gate(root); open || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("the original is not parked yet: no Service traffic so far")
		case <-time.After(gateLook):
		}
	}
}

// HoldGate is AwaitGate for a gate that is not open for long. Where it is, it returns at the end of ctx, or with the
// reason once the gate closes: so an open gate costs few probes, and the kubelet learns of its closing at once.
func HoldGate(ctx context.Context, root string) error {
	if open, err := Gate(root); !open || err != nil {
		return AwaitGate(ctx, root)
	}
	info, err := os.Stat(root + gateFile)
	if err != nil || time.Since(info.ModTime()) < gateHeard { // the kubelet has to hear of it first
		return nil
	}
	for {
		if open, err := Gate(root); !open || err != nil {
			return errors.Join(errors.New("the twin gets no Service traffic any more"), err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(gateLook):
		}
	}
}

// gateHeard is after what time the kubelet has heard of an open gate.
const gateHeard = 5 * time.Second

// gateLook is how often a gate is looked at.
const gateLook = 20 * time.Millisecond

// Gate says whether the twin may receive Service traffic: what the sidecar was told last, or for a new pod, what the
// ConfigMap of gates said when it started.
func Gate(root string) (bool, error) {
	for _, file := range []string{gateFile, contract.TokenDir + "/" + contract.GateFile} {
		text, err := os.ReadFile(root + file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		return strings.TrimSpace(string(text)) == "true", err
	}
	return false, nil
}
