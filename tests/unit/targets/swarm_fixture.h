// Looks into the objects of a conversion for a swarm.
#pragma once

#include <string>

#include "orchestrator/targets/swarm/convert.h"
#include "tests/unit/targets/conversion_fixture.h"

namespace stack::targets::swarm {

class SwarmConversionTest : public ConversionTest<Conversion, ConvertInputs> {
 protected:
  OrderedJson body(ObjectKind kind, const std::string& name) const {
    for (const SwarmObject& object : conversion.objects)
      if (object.kind == kind && object.name == name) return object.body;
    ADD_FAILURE() << "no " << to_text(kind) << " " << name << " in: " << names();
    return OrderedJson::object();
  }
  OrderedJson service(const std::string& name) const { return body(ObjectKind::Service, "p_" + name); }
  OrderedJson task(const std::string& name) const { return service(name)["TaskTemplate"]; }
  OrderedJson container(const std::string& name) const { return task(name)["ContainerSpec"]; }
  std::string names() const {
    std::string out;
    for (const SwarmObject& one : conversion.objects)
      out += (out.empty() ? "" : " ") + std::string(to_text(one.kind)) + "/" + one.name;
    return out;
  }
};

}  // namespace stack::targets::swarm
