// Looks into the objects of a conversion for Kubernetes.
#pragma once

#include <string>

#include "orchestrator/targets/kubernetes/convert.h"
#include "orchestrator/targets/kubernetes/object_files.h"
#include "tests/unit/targets/conversion_fixture.h"

namespace stack::targets::kubernetes {

class KubernetesTest : public ConversionTest<Conversion, ConvertInputs> {
 protected:
  // The object's YAML; fails the test if there is none.
  std::string object(const std::string& kind, const std::string& name) {
    for (const KubeObject& candidate : conversion.objects)
      if (candidate.kind == kind && candidate.name == name) return yaml_of(candidate.body);
    ADD_FAILURE() << "no " << kind << " " << name << " in: " << names();
    return "";
  }
  OrderedJson body(const std::string& kind, const std::string& name) {
    for (const KubeObject& candidate : conversion.objects)
      if (candidate.kind == kind && candidate.name == name) return candidate.body;
    ADD_FAILURE() << "no " << kind << " " << name << " in: " << names();
    return OrderedJson::object();
  }
  OrderedJson pod(const std::string& kind, const std::string& name) {
    OrderedJson whole = body(kind, name);
    return whole.contains("spec") ? whole["spec"]["template"]["spec"] : OrderedJson::object();
  }
  OrderedJson container(const std::string& kind, const std::string& name) {
    OrderedJson spec = pod(kind, name);
    return spec.contains("containers") ? spec["containers"][0] : OrderedJson::object();
  }
  // "Service/web Deployment/web", in the order of creation.
  std::string names() const {
    std::string out;
    for (const KubeObject& one : conversion.objects)
      out += (out.empty() ? "" : " ") + one.kind + "/" + one.name;
    return out;
  }
};

}  // namespace stack::targets::kubernetes
