package devsession

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Another developer's session can be ended by one more call once it is abandoned, and only then.
func TestEndOfAbandonedIsARemedy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := record.Record{
		Session:      "0a1b2c3d",
		Workload:     workload.Ref{Kind: workload.Deployment, Name: "web"},
		Heartbeat:    now,
		AbandonAfter: time.Minute,
	}
	if p := problem.From(heldByOther(r, now)); p.Code != problem.Held || len(p.Remedies) != 0 {
		t.Errorf("it is live: %+v", p)
	}
	p := problem.From(heldByOther(r, now.Add(time.Hour)))
	if len(p.Remedies) != 1 {
		t.Fatalf("it is abandoned: %+v", p)
	}
	var call rpc.End
	if err := json.Unmarshal(p.Remedies[0].Params, &call); err != nil || !call.Abandoned || call.Session != r.Session {
		t.Errorf("%+v, %v", call, err)
	}
}
