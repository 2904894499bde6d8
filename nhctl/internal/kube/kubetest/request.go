package kubetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// Request is a request to the API server, as its authorizer sees it.
type Request struct {
	// User is who asks: the token of the request.
	User string
	// Verb is get, list, watch, create, update, patch or delete.
	Verb                                  string
	Group, Version, Resource, Subresource string
	Namespace, Name                       string
	DryRun                                bool
	Body                                  []byte
	method                                string
	query                                 url.Values
	patch                                 types.PatchType
	ctx                                   *http.Request
}

// parse reads a request as the API server does: /api/VERSION or /apis/GROUP/VERSION, then namespaces/NAMESPACE, and the
// rest.
func parse(r *http.Request) (Request, error) {
	q := Request{
		User:   strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
		method: r.Method,
		query:  r.URL.Query(),
		patch:  types.PatchType(strings.Split(r.Header.Get("Content-Type"), ";")[0]),
		ctx:    r,
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		q.Version, parts = parts[1], parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		q.Group, q.Version, parts = parts[1], parts[2], parts[3:]
	default:
		return q, nil
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		q.Namespace, parts = parts[1], parts[2:]
	}
	parts = append(parts, "", "")
	q.Resource, q.Name, q.Subresource = parts[0], parts[1], parts[2]
	q.DryRun = q.query.Get("dryRun") == metav1.DryRunAll
	q.Verb = map[string]string{
		http.MethodGet:    "get",
		http.MethodPost:   "create",
		http.MethodPut:    "update",
		http.MethodPatch:  "patch",
		http.MethodDelete: "delete",
	}[r.Method]
	switch {
	case q.Verb == "get" && q.Name == "" && slices.Contains([]string{"true", "1"}, q.query.Get("watch")):
		q.Verb = "watch"
	case q.Verb == "get" && q.Name == "":
		q.Verb = "list"
	}
	if r.Body == nil {
		return q, nil
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Type") == runtime.ContentTypeProtobuf {
		body, err = fromProtobuf(body)
	}
	q.Body = body
	return q, err
}

// fromProtobuf is a typed client's body as JSON.
func fromProtobuf(body []byte) ([]byte, error) {
	o, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil, err
	}
	return json.Marshal(o)
}

// Point names a request that changes something, such as "PATCH rollouts/scale" or "POST pods (dry run)"; others, and
// heartbeats, have no name.
func (q Request) Point() string {
	changes := slices.Contains([]string{"create", "update", "patch", "delete"}, q.Verb) && q.Namespace != ""
	if !changes || strings.Contains(string(q.Body), `"/spec/renewTime"`) {
		return ""
	}
	name := q.method + " " + q.resource()
	if q.DryRun {
		name += " (dry run)"
	}
	return name
}

// resource is the resource with the subresource, as rules have it.
func (q Request) resource() string {
	if q.Subresource == "" {
		return q.Resource
	}
	return q.Resource + "/" + q.Subresource
}

func (q Request) String() string {
	return fmt.Sprintf("%s %s %s/%s by %s", q.Verb, q.resource(), q.Namespace, q.Name, q.User)
}
