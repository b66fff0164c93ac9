package main

import (
	"fmt"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	port      = 8080
	maxWeight = 100
)

// service has endpoints of weight 1 but for those that were changed.
type service struct {
	name      string
	endpoints []*endpoint.LbEndpoint
	weights   uint32
	changes   int
}

func newService(name string, count int) *service {
	s := &service{name: name, endpoints: make([]*endpoint.LbEndpoint, count), weights: uint32(count)}
	for number := range s.endpoints {
		s.endpoints[number] = lbEndpoint(number, 1)
	}
	return s
}

// change gives one endpoint another weight than it has.
func (s *service) change() {
	number, round := s.changes%len(s.endpoints), s.changes/len(s.endpoints)
	weight := uint32(2 + round%(maxWeight-1))
	s.weights += weight - s.endpoints[number].LoadBalancingWeight.Value
	s.endpoints[number] = lbEndpoint(number, weight)
	s.changes++
}

// assignment shares the endpoints with earlier assignments: what is in a cache must not change, but may be shared, and a
// control plane that cares for its speed copies no more than the list.
func (s *service) assignment() *endpoint.ClusterLoadAssignment {
	locality := &endpoint.LocalityLbEndpoints{
		Locality:            &core.Locality{},
		LbEndpoints:         append([]*endpoint.LbEndpoint(nil), s.endpoints...),
		LoadBalancingWeight: wrapperspb.UInt32(s.weights),
	}
	return &endpoint.ClusterLoadAssignment{
		ClusterName: s.name,
		Endpoints:   []*endpoint.LocalityLbEndpoints{locality},
	}
}

func lbEndpoint(number int, weight uint32) *endpoint.LbEndpoint {
	address := &core.SocketAddress{
		Address:       fmt.Sprintf("10.%d.%d.%d", number>>16&0xff, number>>8&0xff, number&0xff),
		PortSpecifier: &core.SocketAddress_PortValue{PortValue: port},
	}
	return &endpoint.LbEndpoint{
		HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
			Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: address}},
		}},
		HealthStatus:        core.HealthStatus_HEALTHY,
		LoadBalancingWeight: wrapperspb.UInt32(weight),
	}
}
