package request

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"catalog:8080":                         "",
		"catalog.shop.svc.cluster.local.:80":   "",
		"db-0.db:5432":                         "",
		"10.96.0.1:443":                        "",
		"[fd00::1]:53":                         "",
		"_http._tcp.catalog:80":                "",
		strings.Repeat("a", MaxName) + ":80":   "",
		strings.Repeat("a", MaxName+2) + ":80": "neither an address nor a name",
		"catalog":                              "missing port",
		"catalog:http":                         "want a number",
		"catalog:0":                            "want one from 1",
		"catalog:65536":                        "want one from 1",
		":80":                                  "neither an address nor a name",
		"cat alog:80":                          "neither an address nor a name",
		"catalog\n:80":                         "neither an address nor a name",
		"kätalog:80":                           "neither an address nor a name",
		"[fe80::1%eth0]:80":                    "zone",
	} {
		target, err := TargetOf(address)
		switch {
		case want == "" && (err != nil || target.String() != address):
			t.Errorf("%q: %q, %v", address, target, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	if err := WriteDatagram(&bytes.Buffer{}, make([]byte, MaxDatagram+1)); err == nil {
		t.Error("a datagram that is too long is written")
	}
	var long bytes.Buffer
	if err := Answer(&long, strings.Repeat("x", MaxAnswer)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAnswer[string](&long, MaxAnswer); err == nil {
		t.Error("an answer that is too long is read")
	}
	params := json.RawMessage(`{"host":"a","port":1,"x":"` + strings.Repeat("x", MaxParams) + `"}`)
	if _, err := Parse[Target](params); err == nil {
		t.Error("parameters that are too long are read")
	}
}

// Whatever a computer sends as parameters, an agent gets a target or a name that it can ask for.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"host":"catalog","port":80}`))
	f.Add([]byte(`{"name":"fe80::1%lo"}`))
	f.Fuzz(func(t *testing.T, params []byte) {
		if target, err := Parse[Target](params); err == nil {
			if again, err := TargetOf(target.String()); err != nil || again != target {
				t.Errorf("%+v is read as %+v, %v", target, again, err)
			}
		}
		if name, err := Parse[Name](params); err == nil && (name.Name == "" || strings.ContainsAny(name.Name, " \n%")) {
			t.Errorf("%q is a name", name.Name)
		}
	})
}

// Whatever a pod sends, a computer reads no more than an answer or a datagram may have.
func FuzzRead(f *testing.F) {
	var valid bytes.Buffer
	_ = Answer(&valid, About{Build: "v1"})
	_ = WriteDatagram(&valid, []byte("data"))
	f.Add(valid.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		_, _ = ReadAnswer[About](r, MaxAnswer)
		_, _ = ReadAnswer[Resolved](r, MaxAnswer)
		if got, err := ReadDatagram(r); err == nil && len(got) > MaxDatagram {
			t.Errorf("a datagram of %d bytes", len(got))
		}
	})
}
