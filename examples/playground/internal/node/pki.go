package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// authority signs the certificates of one playground. Each playground has keys of its own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template("playground-ca", nil)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key, pem: encode("CERTIFICATE", der)}, nil
}

func template(name string, groups []string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: groups},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// pair is a certificate and its key, in PEM.
type pair struct{ cert, key []byte }

// issue signs a certificate for a Kubernetes user and their groups, or for a server and its names.
func (a *authority) issue(name string, groups []string, ips []net.IP, names []string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	t := template(name, groups)
	t.IPAddresses, t.DNSNames = ips, names
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return pair{}, err
	}
	keyPEM, err := encodeKey(key)
	return pair{cert: encode("CERTIFICATE", der), key: keyPEM}, err
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return encode("EC PRIVATE KEY", der), err
}

// loadAuthority reads the authority of a running playground.
func loadAuthority(p *Plan) (*authority, error) {
	certPEM, err := os.ReadFile(p.path("pki", "ca.crt"))
	if err != nil {
		return nil, err
	}
	keyPEM, err := os.ReadFile(p.path("pki", "ca.key"))
	if err != nil {
		return nil, err
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, fmt.Errorf("%s: not PEM", p.path("pki"))
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	return &authority{cert: cert, key: key, pem: certPEM}, err
}

// kubeconfig returns a kubeconfig for a user with this certificate.
func (a *authority) kubeconfig(p *Plan, user, namespace string, id pair) ([]byte, error) {
	c := clientcmdapi.NewConfig()
	name := "playground-" + p.Name
	c.Clusters[name] = &clientcmdapi.Cluster{Server: p.Server(), CertificateAuthorityData: a.pem}
	c.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: id.cert, ClientKeyData: id.key}
	c.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user, Namespace: namespace}
	c.CurrentContext = name
	return clientcmd.Write(*c)
}

// writePKI makes every key and kubeconfig that the parts of the node need.
func writePKI(p *Plan) error {
	a, err := newAuthority()
	if err != nil {
		return err
	}
	caKey, err := encodeKey(a.key)
	if err != nil {
		return err
	}
	saKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	saPEM, err := encodeKey(saKey)
	if err != nil {
		return err
	}
	server, err := a.issue("kube-apiserver", nil,
		[]net.IP{net.IPv4(127, 0, 0, 1), p.NodeIP().AsSlice(), p.FirstService().AsSlice()},
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local"})
	if err != nil {
		return err
	}
	client, err := a.issue("kube-apiserver-kubelet-client", []string{"system:masters"}, nil, nil)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"pki/ca.crt": a.pem, "pki/ca.key": caKey, "pki/sa.key": saPEM,
		"pki/apiserver.crt": server.cert, "pki/apiserver.key": server.key,
		"pki/kubelet-client.crt": client.cert, "pki/kubelet-client.key": client.key,
	}
	for part, user := range map[string]struct{ name, group string }{
		"admin":                   {"playground-admin", "system:masters"},
		"kubelet":                 {"system:node:playground", "system:nodes"},
		"kube-controller-manager": {"system:kube-controller-manager", ""},
		"kube-scheduler":          {"system:kube-scheduler", ""},
		"kube-proxy":              {"system:kube-proxy", ""},
		"coredns":                 {"playground-coredns", "system:masters"},
		"volumes":                 {"playground-volumes", "system:masters"},
	} {
		var groups []string
		if user.group != "" {
			groups = []string{user.group}
		}
		id, err := a.issue(user.name, groups, nil, nil)
		if err != nil {
			return err
		}
		if files["kubeconfig/"+part], err = a.kubeconfig(p, user.name, "default", id); err != nil {
			return err
		}
	}
	for name, data := range files {
		if err := writeFile(p.path(name), data); err != nil {
			return err
		}
	}
	return writeFile(p.Kubeconfig, files["kubeconfig/admin"])
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
