package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// controlSync serves the calls about synced folders.
func (e *Endpoint) controlSync(mux *http.ServeMux) {
	mux.HandleFunc("PUT "+control.PathSync("{folder}"), func(w http.ResponseWriter, r *http.Request) {
		var s filesync.Settings
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		f, err := e.folder(r.Context(), r.PathValue("folder"), s)
		if err != nil {
			reply(w, nil, err)
			return
		}
		if err := f.engine.Ready(r.Context()); err != nil {
			reply(w, nil, err)
			return
		}
		status, err := f.engine.Status()
		reply(w, status, err)
	})
	mux.HandleFunc("GET "+control.PathSync("{folder}"),
		e.withEngine(func(_ *http.Request, engine *filesync.Engine) (any, error) {
			return engine.Status()
		}))
	mux.HandleFunc("POST "+control.PathScan("{folder}"),
		e.withEngine(func(r *http.Request, engine *filesync.Engine) (any, error) {
			return struct{}{}, engine.Scan(r.Context())
		}))
	mux.HandleFunc("GET "+control.PathContent("{folder}"),
		e.withEngine(func(r *http.Request, engine *filesync.Engine) (any, error) {
			return engine.Content(r.Context())
		}))
	mux.HandleFunc("GET "+control.PathVersions("{folder}"),
		e.withEngine(func(r *http.Request, engine *filesync.Engine) (any, error) {
			versions, err := engine.Versions(r.URL.Query().Get("path"))
			if versions == nil {
				versions = []kept.Version{}
			}
			return versions, err
		}))
	mux.HandleFunc("GET "+control.PathVersion("{folder}"), e.sendVersion)
	mux.HandleFunc("POST "+control.PathDo("{folder}"),
		e.withEngine(func(r *http.Request, engine *filesync.Engine) (any, error) {
			var do control.Do
			if err := json.NewDecoder(r.Body).Decode(&do); err != nil {
				return nil, err
			}
			files, err := act(r.Context(), engine, do)
			return control.Done{Files: files}, err
		}))
}

// sendVersion answers with a version's bytes. An answer that breaks off is shorter than it was announced.
func (e *Endpoint) sendVersion(w http.ResponseWriter, r *http.Request) {
	engine := e.engine(r.PathValue("folder"))
	if engine == nil {
		notSynced(w)
		return
	}
	file, size, err := engine.Version(r.URL.Query().Get("id"))
	if err != nil {
		reply(w, nil, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, _ = io.CopyN(w, file, size)
}

func act(ctx context.Context, engine *filesync.Engine, do control.Do) (files int, err error) {
	switch do.Action {
	case control.Join:
		return len(do.Paths), engine.Join(ctx, do.Paths)
	case control.Accept:
		return engine.Accept(ctx)
	case control.Restore:
		return engine.Restore(ctx)
	case control.Recover:
		return engine.Recover(ctx, do.Path)
	case control.RecoverVersion:
		return 1, engine.RecoverVersion(ctx, do.Version)
	case control.Resolve:
		return engine.Resolve(ctx, do.Path, do.Loser)
	case control.Revert:
		return 0, engine.Revert(ctx)
	case control.Reset:
		return 0, engine.Reset(ctx)
	}
	return 0, fmt.Errorf("this sidecar knows no action %q", do.Action)
}

func (e *Endpoint) withEngine(do func(*http.Request, *filesync.Engine) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		engine := e.engine(r.PathValue("folder"))
		if engine == nil {
			notSynced(w)
			return
		}
		v, err := do(r, engine)
		reply(w, v, err)
	}
}

func notSynced(w http.ResponseWriter) {
	http.Error(w, "the folder is not synced yet", http.StatusNotFound)
}
