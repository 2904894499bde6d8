package devsession

import (
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// A deletion is described by how many files it is about, and where they are.
func TestDeletion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		held event.HeldData
		want string
	}{
		"here, in two folders and the top": {
			held: event.HeldData{
				Side:  event.Here,
				Files: 4,
				Of:    9,
				Paths: []string{"data/a", "data/b", "data/sub/c", "top"},
			},
			want: "4 of 9 files of /web were deleted on this computer, and wait to be deleted in the container: " +
				"data/, data/sub/, top",
		},
		"in the pod, and more than it names": {
			held: event.HeldData{
				Side:  event.InPod,
				Files: 300,
				Of:    300,
				Paths: []string{"data/a"},
			},
			want: "300 of 300 files of /web were deleted in the container, and wait to be deleted on this computer: " +
				"data/, ...",
		},
		"in many places": {
			held: event.HeldData{
				Side:  event.Here,
				Files: 6,
				Of:    6,
				Paths: []string{"a/1", "b/1", "c/1", "d/1", "e/1", "f/1"},
			},
			want: "6 of 6 files of /web were deleted on this computer, and wait to be deleted in the container: " +
				"a/, b/, c/, d/, e/, ...",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := deletion("/web", tt.held); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
