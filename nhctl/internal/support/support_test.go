package support

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/doctor"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
	"github.com/nhctl/nhctl/sidecar/contract"
)

const id = "0a1b2c3d"

func session() rpc.Session {
	return rpc.Session{ID: id, Namespace: "shop", Workload: "deployment/web"}
}

// source is that of a computer without a session and without a cluster.
func source(dirs userdirs.Dirs) Source {
	return Source{
		Dirs:     dirs,
		Versions: map[string]string{"nhctl": "v0.1.0"},
		Doctor:   func(context.Context) []doctor.Finding { return nil },
		Cluster:  func(rpc.Session) (*kube.Client, error) { return nil, errors.New("no such context") },
	}
}

func texts(files []File) map[string]string {
	all := map[string]string{}
	for _, f := range files {
		all[f.Name] = string(f.Text)
	}
	return all
}

// What can't be collected is said in the bundle, and the rest is there.
func TestCollectWithoutCluster(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	for path, text := range map[string]string{
		dirs.Log(): "msg=redial token=abc\n",
		filepath.Join(dirs.State, "daemon-2026-11-29.log"): "older\n",
		dirs.Output(): "panic: of the past\n",
		filepath.Join(dirs.Session(id), "session.json"): "the token",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := source(dirs)
	s.Unlisted = errors.New("no daemon runs")
	s.Sessions = []rpc.Session{session()}
	all := texts(Collect(t.Context(), s))
	for name, want := range map[string]string{
		"daemon/daemon.log":            "token=(removed)",
		"daemon/daemon-2026-11-29.log": "older",
		"daemon/daemon.out":            "panic: of the past",
		"state.txt":                    "sessions/" + id + "/session.json",
		"sessions.json":                `"workload": "deployment/web"`,
		"versions.json":                `"nhctl": "v0.1.0"`,
		"errors.txt":                   "list the sessions: no daemon runs\nsession " + id,
	} {
		if !strings.Contains(all[name], want) {
			t.Errorf("%s: %q is not in %q", name, want, all[name])
		}
	}
	for name, text := range all {
		if strings.Contains(text, "the token") {
			t.Errorf("%s has what a file of the state folder has", name)
		}
	}
}

// Whoever opens the bundle learns first what each file is, and reads what the user was shown.
func TestReadme(t *testing.T) {
	t.Parallel()
	s := source(userdirstest.New(t))
	s.Unlisted = errors.New("no daemon runs")
	files := Collect(t.Context(), s)
	text := string(files[0].Text)
	for _, f := range files[1:] {
		if !regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(f.Name) + ` +` + regexp.QuoteMeta(f.About) + `$`).
			MatchString(text) {
			t.Errorf("%s is not explained", f.Name)
		}
	}
	if files[0].Name != "README.txt" || files[0].Size != len(text) || !strings.HasSuffix(text, Contents) {
		t.Errorf("%+v: %s", files[0], text)
	}
}

// The bundle has a session's objects and the events about them, and no other's.
func TestCollectCluster(t *testing.T) {
	t.Parallel()
	cluster := kubetest.New([]string{"shop"})
	mine, others := map[string]string{contract.LabelSession: id}, map[string]string{contract.LabelSession: "ffffffff"}
	cluster.Add(
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "nhctl-web", Namespace: "shop", Labels: mine}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "twin", Namespace: "shop", Labels: mine}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "stranger", Namespace: "shop", Labels: others}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "front", Namespace: "shop"}},
	)
	for name, message := range map[string]string{"twin": "Back-off pulling image", "stranger": "of a stranger"} {
		pod, err := cluster.Client(t, "ada", "shop").API.CoreV1().Pods("shop").Get(t.Context(), name,
			metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		cluster.Add(&corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: "about-" + name, Namespace: "shop"},
			InvolvedObject: corev1.ObjectReference{UID: pod.UID},
			Message:        message,
		})
	}
	s := source(userdirstest.New(t))
	s.Sessions = []rpc.Session{session()}
	s.Cluster = func(x rpc.Session) (*kube.Client, error) { return cluster.Client(t, "ada", x.Namespace), nil }
	all := texts(Collect(t.Context(), s))
	text := all["cluster/shop-"+id+".yaml"]
	for _, want := range []string{"nhctl-web", "name: twin", "name: front", "Back-off pulling image"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in it:\n%s\n%s", want, text, all["errors.txt"])
		}
	}
	if strings.Contains(text, "stranger") {
		t.Errorf("another session's objects are in it:\n%s", text)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "b.zip")
	if err := Write(path, []File{{Name: "a/b.txt", Text: []byte("text")}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := r.Open("a/b.txt")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(f); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	if err := Write(path, nil, time.Now()); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
}
