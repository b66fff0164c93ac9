package main

import (
	"context"
	"fmt"
	"strconv"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// published is where the newest assignment goes.
type published interface {
	publish(*endpoint.ClusterLoadAssignment) error
	cache() cache.Cache
}

func newPublished(transport string) (published, error) {
	switch transport {
	case "delta":
		return linear{cache.NewLinearCache(resource.EndpointType)}, nil
	case "sotw":
		return &snapshots{newest: cache.NewSnapshotCache(false, everybody{}, nil)}, nil
	default:
		return nil, fmt.Errorf("-transport is %q: use sotw or delta", transport)
	}
}

type linear struct {
	newest *cache.LinearCache
}

func (l linear) publish(assignment *endpoint.ClusterLoadAssignment) error {
	return l.newest.UpdateResource(assignment.ClusterName, assignment)
}

func (l linear) cache() cache.Cache {
	return l.newest
}

type snapshots struct {
	newest  cache.SnapshotCache
	version int
}

func (s *snapshots) publish(assignment *endpoint.ClusterLoadAssignment) error {
	s.version++
	resources := map[resource.Type][]types.Resource{resource.EndpointType: {assignment}}
	snapshot, err := cache.NewSnapshot(strconv.Itoa(s.version), resources)
	if err != nil {
		return err
	}
	return s.newest.SetSnapshot(context.Background(), everybody{}.ID(nil), snapshot)
}

func (s *snapshots) cache() cache.Cache {
	return s.newest
}

// everybody puts all proxies into one group, so that one snapshot serves them all.
type everybody struct{}

func (everybody) ID(*core.Node) string {
	return "everybody"
}
