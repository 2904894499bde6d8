package debugger

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// attachable is a debugger of a language, with two folders.
func attachable(language string) event.DebugData {
	d := event.DebugData{Host: "127.0.0.1", Port: 4000, Language: language}
	if lldbs(language) {
		d.Program = "/src/app"
	}
	d.Paths = []event.PathData{{Local: "/ada/web", Remote: "/src"}, {Local: "/ada/lib", Remote: "/lib"}}
	return d
}

// Each client gets what it needs in its own terms, as data and in words.
func TestAttach(t *testing.T) {
	t.Parallel()
	const lldb = `"program":"/src/app","sourceMap":[["/src","/ada/web"],["/lib","/ada/lib"]]`
	for language, tt := range map[string]struct{ words, code, dap, terminal string }{
		Go: {
			words: "nhctl dev debug --attach, or dlv connect 127.0.0.1:4000",
			code: `{"host":"127.0.0.1","mode":"remote","name":"nhctl","port":4000,"request":"attach",` +
				`"substitutePath":[{"from":"/ada/web","to":"/src"},{"from":"/ada/lib","to":"/lib"}],"type":"go"}`,
			dap: `{"host":"127.0.0.1","port":4000,"request":"attach","arguments":{"mode":"remote","substitutePath":` +
				`[{"from":"/ada/web","to":"/src"},{"from":"/ada/lib","to":"/lib"}]}}`,
			terminal: `["dlv","connect","127.0.0.1:4000"]`,
		},
		Python: {
			words: "any DAP client, at 127.0.0.1:4000",
			code: `{"connect":{"host":"127.0.0.1","port":4000},"name":"nhctl","pathMappings":` +
				`[{"localRoot":"/ada/web","remoteRoot":"/src"},{"localRoot":"/ada/lib","remoteRoot":"/lib"}],` +
				`"request":"attach","type":"debugpy"}`,
			dap: `{"host":"127.0.0.1","port":4000,"request":"attach","arguments":{"pathMappings":` +
				`[{"localRoot":"/ada/web","remoteRoot":"/src"},{"localRoot":"/ada/lib","remoteRoot":"/lib"}]}}`,
			terminal: `null`,
		},
		Node: {
			words: "node inspect 127.0.0.1:4000, or chrome://inspect",
			code: `{"address":"127.0.0.1","localRoot":"/ada/web","name":"nhctl","port":4000,"remoteRoot":"/src",` +
				`"request":"attach","restart":true,"type":"node"}`,
			dap:      `null`,
			terminal: `["node","inspect","127.0.0.1:4000"]`,
		},
		Java: {
			words: "jdb -connect com.sun.jdi.SocketAttach:hostname=127.0.0.1,port=4000 -sourcepath /ada/web",
			code:  `{"hostName":"127.0.0.1","name":"nhctl","port":4000,"request":"attach","type":"java"}`,
			dap:   `null`,
			terminal: `["jdb","-connect","com.sun.jdi.SocketAttach:hostname=127.0.0.1,port=4000",` +
				`"-sourcepath","/ada/web"]`,
		},
		Ruby: {
			words: "rdbg --attach 127.0.0.1 4000, or any DAP client",
			code: `{"debugPort":"127.0.0.1:4000","localfsMap":"/src:/ada/web,/lib:/ada/lib",` +
				`"name":"nhctl","request":"attach","type":"rdbg"}`,
			dap: `{"host":"127.0.0.1","port":4000,"request":"attach",` +
				`"arguments":{"localfsMap":"/src:/ada/web,/lib:/ada/lib"}}`,
			terminal: `["rdbg","--attach","127.0.0.1","4000"]`,
		},
		Rust: {
			words:    "any DAP client, at 127.0.0.1:4000",
			code:     `{"debugServer":4000,"name":"nhctl",` + reordered(lldb) + `,"type":"lldb-dap"}`,
			dap:      `{"host":"127.0.0.1","port":4000,"request":"attach","arguments":{` + lldb + `}}`,
			terminal: `null`,
		},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			d := attachable(language)
			a := Attach(d)
			want := tt.words + "\nVS Code:   " + tt.code
			if diff := cmp.Diff(want, HowToAttach(d)); diff != "" {
				t.Errorf("in words (-want +got):\n%s", diff)
			}
			got := []string{asJSON(t, a.DAP), asJSON(t, a.Terminal)}
			if diff := cmp.Diff([]string{tt.dap, tt.terminal}, got); diff != "" {
				t.Errorf("as data (-want +got):\n%s", diff)
			}
		})
	}
}

// reordered puts the request where its name sorts: behind the program.
func reordered(lldb string) string {
	const program = `"program":"/src/app",`
	return program + `"request":"attach",` + lldb[len(program):]
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A program that waits for LLDB is launched by its client, which says that address randomization stays on. One that
// waits for Ruby's debugger is to go on when its client is ready: one that runs would skip its first breakpoint so.
func TestAttachToWaiting(t *testing.T) {
	t.Parallel()
	ruby := attachable(Ruby)
	ruby.Waits, ruby.Paths = true, nil
	if got := Attach(ruby).DAP.Arguments; !got.NonStop {
		t.Errorf("ruby: %+v", got)
	}
	d := attachable(C)
	d.Waits, d.Paths = true, nil
	const want = `{"vscode":{"name":"nhctl","type":"lldb-dap","request":"launch","program":"/src/app",` +
		`"disableASLR":false,"debugServer":4000},"dap":{"host":"127.0.0.1","port":4000,"request":"launch",` +
		`"arguments":{"program":"/src/app","disableASLR":false}}}`
	if diff := cmp.Diff(want, asJSON(t, Attach(d))); diff != "" {
		t.Error(diff)
	}
}

// Every language whose debugger nhctl starts has clients that it knows; for another one it says nothing.
func TestAttachEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		if Attach(attachable(language)) == nil || HowToAttach(attachable(language)) == "" {
			t.Errorf("%s has no clients", language)
		}
	}
	if d := attachable("php"); Attach(d) != nil || HowToAttach(d) != "" {
		t.Errorf("php: %+v", Attach(d))
	}
}
