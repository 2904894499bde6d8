package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
)

// maxTool limits a tool, in bytes.
const maxTool = 256 << 20

var toolName = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)

// handle adds the calls about tools.
func (s surroundings) handle(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/tools/{name}", func(w http.ResponseWriter, r *http.Request) {
		t := Tool{Arch: runtime.GOARCH}
		if name := r.PathValue("name"); toolName.MatchString(name) {
			t.Path, _ = lookPath(name, s.environment(nil)) // none is an answer
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(t)
	})
	mux.HandleFunc("PUT /v1/tools/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.receive(r.PathValue("name"), r.Body, r.ContentLength); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// receive takes a tool whole or not at all.
func (s surroundings) receive(name string, program io.Reader, size int64) (err error) {
	if s.tools == "" || !toolName.MatchString(name) {
		return fmt.Errorf("%q can't be the name of a tool", name)
	}
	if size <= 0 || size > maxTool {
		return fmt.Errorf("a tool can't have %d bytes", size)
	}
	if err := os.MkdirAll(s.tools, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(s.tools, ".receiving-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	n, err := io.Copy(file, program)
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes came", n, size)
	}
	if err := errors.Join(err, file.Chmod(0o755), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(s.tools, name))
}
