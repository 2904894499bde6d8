package endpoint

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/nhctl/nhctl/sidecar/endpoint/control"
)

// reachLimit limits each question.
const reachLimit = 3 * time.Second

// unreachable lists what does not answer, in the order of the question.
func unreachable(ctx context.Context, wanted control.Reach) []string {
	asked := make([]chan string, 0, len(wanted.TCP)+len(wanted.HTTP))
	ask := func(name string, how func(context.Context, string) error) {
		answer := make(chan string, 1)
		asked = append(asked, answer)
		go func() {
			ctx, cancel := context.WithTimeout(ctx, reachLimit)
			defer cancel()
			if err := how(ctx, name); err != nil {
				answer <- fmt.Sprintf("%s: %v", name, err)
			}
			close(answer)
		}()
	}
	for _, address := range wanted.TCP {
		ask(address, takesConnections)
	}
	for _, url := range wanted.HTTP {
		ask(url, answers)
	}
	down := []string{}
	for _, answer := range asked {
		if text, ok := <-answer; ok {
			down = append(down, text)
		}
	}
	return down
}

func takesConnections(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// answers asks once, as a kubelet's probe does: without following redirects, and without looking at certificates, for
// which a dev image may lack the authorities.
func answers(ctx context.Context, url string) error {
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}
