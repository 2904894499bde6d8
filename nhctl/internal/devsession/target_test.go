package devsession

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// folderWith is a folder whose config has services; without any, it has no config.
func folderWith(t *testing.T, services ...string) string {
	t.Helper()
	dir := t.TempDir()
	if len(services) == 0 {
		return dir
	}
	text := ""
	for _, name := range services {
		text += "- name: " + name + "\n  containers: [{dev: {image: dev}}]\n"
	}
	if err := os.Mkdir(filepath.Join(dir, ".dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".dev", "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// named is a record of recordOf's with another workload.
func named(id, name string) devmode.Record {
	r := recordOf(id, "shop")
	r.Workload.Name = name
	return r
}

// heldBy is a record of someone at another computer.
func heldBy(r devmode.Record, user, local string) devmode.Record {
	r.Holder.User, r.Holder.Local = user, local
	return r
}

// A call means the session or the workload that it names, or its folder's config; where none of them names one, the
// only session of this computer. All calls decide that in the same way: `dev end` by Leases, others by what is served.
func TestMeant(t *testing.T) {
	t.Parallel()
	web, api := named("aaaaaaaa", "web"), named("bbbbbbbb", "api")
	bobs := heldBy(named("cccccccc", "db"), "bob", "bob@desk")
	laptops := heldBy(named("dddddddd", "mq"), "ada", "ada@laptop")
	for name, tt := range map[string]struct {
		folder   string
		call     rpc.Target
		sessions []devmode.Record
		want     string
		problem  problem.Code
	}{
		"by name": {
			call:     rpc.Target{Workload: "api"},
			sessions: []devmode.Record{web, api},
			want:     "bbbbbbbb",
		},
		"by id": {
			call:     rpc.Target{Session: "bbbbbbbb"},
			sessions: []devmode.Record{web, api},
			want:     "bbbbbbbb",
		},
		"by the folder's config": {
			folder:   folderWith(t, "api"),
			sessions: []devmode.Record{web, api},
			want:     "bbbbbbbb",
		},
		"the config's is not in dev mode": {
			folder:   folderWith(t, "api"),
			sessions: []devmode.Record{web},
			problem:  problem.NoSession,
		},
		"the only one": {
			sessions: []devmode.Record{web},
			want:     "aaaaaaaa",
		},
		"the only one, where the config has several services": {
			folder:   folderWith(t, "api", "web"),
			sessions: []devmode.Record{web},
			want:     "aaaaaaaa",
		},
		"the only one of this computer": {
			sessions: []devmode.Record{bobs, web, laptops},
			want:     "aaaaaaaa",
		},
		"none of this computer": {
			sessions: []devmode.Record{bobs, laptops},
			problem:  problem.Usage,
		},
		"no session": {problem: problem.Usage},
		"several":    {sessions: []devmode.Record{web, api}, problem: problem.Usage},
		"a wrong name": {
			call:     rpc.Target{Workload: "no/such/kind"},
			sessions: []devmode.Record{web},
			problem:  problem.Usage,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := testKind(t)
			var leases []runtime.Object
			for _, r := range tt.sessions {
				leases = append(leases, leaseOf(t, r))
			}
			c := clusterOf("a", "uid-a", leases...)
			tt.call.Caller = ada()
			tt.call.Caller.Dir = tt.folder
			if tt.folder == "" {
				tt.call.Caller.Dir = folderWith(t)
			}
			ended, err := k.meant(t.Context(), &session.Visitor{Client: c}, rpc.End{Target: tt.call})
			var got []string
			for _, r := range ended {
				got = append(got, r.Session)
			}
			if code := codeOf(err); strings.Join(got, " ") != tt.want || code != tt.problem {
				t.Errorf("dev end means %q, want %q: %v", got, tt.want, err)
			}

			var live []devmode.Record // those that a daemon of this computer serves
			for _, r := range tt.sessions {
				if r.Holder.Local == session.LocalOf(ada()) {
					live = append(live, r)
				}
			}
			found, err := meantLive(tt.call, live)
			if code := codeOf(err); found != tt.want || code != tt.problem {
				t.Errorf("other calls mean %q, want %q: %v", found, tt.want, err)
			}
		})
	}
}

// meantLive is the session that a call other than `dev end` means, out of those that are served here.
func meantLive(call rpc.Target, live []devmode.Record) (string, error) {
	meant, err := targetOf(call)
	if err != nil {
		return "", err
	}
	var among []devmode.Record
	for _, r := range live {
		if meant.includes(r) {
			among = append(among, r)
		}
	}
	if err := meant.ambiguous(among); err != nil {
		return "", err
	}
	if len(among) == 0 {
		return "", notHere(call.Workload, "shop")
	}
	return among[0].Session, nil
}

func codeOf(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}

// `dev end --all` needs no name, and leaves the sessions of others alone; abandoned ones are whoever's.
func TestMeantByEnd(t *testing.T) {
	t.Parallel()
	web, api := named("aaaaaaaa", "web"), named("bbbbbbbb", "api")
	bobs := heldBy(named("cccccccc", "db"), "bob", "bob@desk")
	laptops := heldBy(named("dddddddd", "mq"), "ada", strings.SplitAfter(session.LocalOf(ada()), "@")[0]+"laptop")
	for name, tt := range map[string]struct {
		call rpc.End
		want []string
	}{
		"all":                   {rpc.End{All: true}, []string{"aaaaaaaa", "bbbbbbbb", "dddddddd"}},
		"at another computer":   {rpc.End{Target: rpc.Target{Workload: "mq"}}, []string{"dddddddd"}},
		"abandoned":             {rpc.End{Abandoned: true}, []string{"aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"}},
		"one that is abandoned": {rpc.End{Abandoned: true, Target: rpc.Target{Workload: "db"}}, []string{"cccccccc"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var leases []runtime.Object
			for _, r := range []devmode.Record{web, api, bobs, laptops} {
				leases = append(leases, leaseOf(t, r))
			}
			tt.call.Caller = ada()
			tt.call.Caller.Dir = folderWith(t)
			c := clusterOf("a", "uid-a", leases...)
			records, err := testKind(t).meant(t.Context(), &session.Visitor{Client: c}, tt.call)
			var got []string
			for _, r := range records {
				got = append(got, r.Session)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}
