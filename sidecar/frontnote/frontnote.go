// Package frontnote reads the annotation of a Service whose selector leads to a front: what the selector was before.
package frontnote

import (
	"errors"
	"fmt"
	"maps"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
)

// most is how long the annotation may be, in bytes.
const most = 16 << 10

// Leads says whether a selector leads to the front with an id, which contract.FrontID makes of the Service's UID.
func Leads(selector map[string]string, id string) bool {
	for _, value := range selector {
		if value != contract.FrontPrefix+id {
			return false
		}
	}
	return len(selector) > 0
}

// Read reads the note of a Service whose selector leads to its front. Whoever may write Services may have written it:
// it is refused unless it fits that selector. Whether its values can be labels is for others to check.
func Read(text string, selector map[string]string) (note contract.FrontNote, err error) {
	if len(text) > most {
		return note, fmt.Errorf("it has %d bytes", len(text))
	}
	known := document.Head{Kind: contract.FrontKind, Version: contract.FrontVersion}
	if err := document.Read([]byte(text), known, &note); err != nil {
		return note, err
	}
	for key := range selector {
		if _, there := note.Selector[key]; !there {
			return note, fmt.Errorf("it lacks the key %s", key)
		}
	}
	if len(note.Selector) != len(selector) || maps.Equal(note.Selector, selector) {
		return note, errors.New("it has other keys than the Service")
	}
	return note, nil
}
