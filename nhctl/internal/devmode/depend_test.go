package devmode

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestChooseDependencies(t *testing.T) {
	t.Parallel()
	labelled := &metav1.ObjectMeta{Name: "x", Labels: map[string]string{"db": ""}}
	for name, tt := range map[string]struct {
		selector, list string
		object         *metav1.ObjectMeta
		want           bool
	}{
		"a selector is the server's":  {"app=db,tier!=x", "app=db,tier!=x", &metav1.ObjectMeta{Name: "y"}, true},
		"a set":                       {"app in (a)", "app in (a)", &metav1.ObjectMeta{}, true},
		"a label with a prefix":       {"example.com/db", "example.com/db", &metav1.ObjectMeta{}, true},
		"a word is a label":           {"db", "", labelled, true},
		"a word is a Job's name":      {"db", "", &metav1.ObjectMeta{Name: "db"}, true},
		"a word is a workload's name": {"db", "", &metav1.ObjectMeta{Name: "db-6f7-x"}, true},
		"another name":                {"db", "", &metav1.ObjectMeta{Name: "dbx-1"}, false},
	} {
		options, chosen := choose(tt.selector)
		if options.LabelSelector != tt.list || chosen(tt.object) != tt.want {
			t.Errorf("%s: lists %q, chosen %v", name, options.LabelSelector, chosen(tt.object))
		}
	}
}
