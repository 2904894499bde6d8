//go:build !(windows && arm64)

package delve

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// Code in the pod may listen in the debugger's place: an answer without an end ends the conversation.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"a string": `{"id":0,"result":"`, "white space": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			go func() {
				_, err := io.WriteString(far, begin)
				for blanks := bytes.Repeat([]byte(" "), 1<<20); err == nil; {
					_, err = far.Write(blanks)
				}
			}()
			if err := Resume(near); err == nil {
				t.Error("it is taken for delve")
			}
		})
	}
}
