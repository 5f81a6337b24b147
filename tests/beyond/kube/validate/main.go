// Checks objects with the decoder, the defaults, and the validation of the API server, without one: validate FILE...
package main

import (
	"bytes"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	pod "k8s.io/kubernetes/pkg/api/pod"
	apps "k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsval "k8s.io/kubernetes/pkg/apis/apps/validation"
	batch "k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchval "k8s.io/kubernetes/pkg/apis/batch/validation"
	core "k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	coreval "k8s.io/kubernetes/pkg/apis/core/validation"
	networking "k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	netval "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/capabilities"
)

func check(obj runtime.Object) field.ErrorList {
	switch o := obj.(type) {
	case *apps.Deployment:
		o.Namespace = "d"
		return appsval.ValidateDeployment(o, pod.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil))
	case *apps.StatefulSet:
		o.Namespace = "d"
		return appsval.ValidateStatefulSet(o, pod.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil))
	case *apps.DaemonSet:
		o.Namespace = "d"
		return appsval.ValidateDaemonSet(o, pod.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil))
	case *batch.Job:
		o.Namespace = "d"
		o.UID = "u"
		yes := true
		o.Spec.ManualSelector = &yes
		if o.Spec.Selector == nil {
			o.Spec.Selector = &metav1.LabelSelector{MatchLabels: o.Spec.Template.Labels}
		}
		return batchval.ValidateJob(o, batchval.JobValidationOptions{PodValidationOptions: pod.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil)})
	case *core.Service:
		o.Namespace = "d"
		if o.Spec.ClusterIP == "None" { // what the registry does before it validates
			o.Spec.ClusterIPs = []string{"None"}
		}
		return coreval.ValidateServiceCreate(o)
	case *core.ConfigMap:
		o.Namespace = "d"
		return coreval.ValidateConfigMap(o)
	case *core.Secret:
		o.Namespace = "d"
		return coreval.ValidateSecret(o)
	case *core.PersistentVolumeClaim:
		o.Namespace = "d"
		return coreval.ValidatePersistentVolumeClaim(o, coreval.PersistentVolumeClaimSpecValidationOptions{})
	case *networking.NetworkPolicy:
		o.Namespace = "d"
		return netval.ValidateNetworkPolicy(o, netval.NetworkPolicyValidationOptions{})
	case *networking.Ingress:
		o.Namespace = "d"
		return netval.ValidateIngressCreate(o)
	}
	return field.ErrorList{field.InternalError(nil, fmt.Errorf("unknown type %T", obj))}
}

func main() {
	capabilities.Setup(true, 0)
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	bad, good := 0, 0
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		for _, doc := range bytes.Split(text, []byte("\n---\n")) {
			doc = bytes.TrimPrefix(doc, []byte("---\n"))
			obj, _, err := codecs.UniversalDecoder().Decode(doc, nil, nil)
			if err != nil {
				fmt.Println(name, err)
				bad++
				continue
			}
			if errs := check(obj); len(errs) > 0 {
				bad++
				for _, e := range errs {
					fmt.Printf("%s %T: %v\n", name, obj, e)
				}
			} else {
				good++
			}
		}
	}
	fmt.Println(good, "valid", bad, "invalid")
	if bad > 0 {
		os.Exit(1)
	}
}
