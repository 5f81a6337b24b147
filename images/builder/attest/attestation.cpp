#include "images/builder/attest/attestation.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace stack::builder {

namespace {

using Kind = AttestationRequest::Kind;
using Fields = std::map<std::string, std::string>;

const char* kind_name(Kind kind) { return kind == Kind::Sbom ? "sbom" : "provenance"; }

std::optional<bool> flag_value(std::string_view text) {
  if (text == "true" || text == "1" || text == "t" || text == "TRUE" || text == "True") return true;
  if (text == "false" || text == "0" || text == "f" || text == "FALSE" || text == "False") return false;
  return std::nullopt;
}

Result<bool> read_flag(const std::string& key, const std::string& value) {
  std::optional<bool> flag = flag_value(value);
  if (!flag) return invalid(key + " must be true or false, not \"" + value + "\"");
  return *flag;
}

// "key=value,key=value"; a key alone has the value "true".
Fields fields_of(std::string_view text) {
  Fields out;
  for (const std::string& field : split(text, ',')) {
    size_t equals = field.find('=');
    std::string key(trim(field.substr(0, equals)));
    if (key.empty()) continue;
    out[key] =
        equals == std::string::npos ? "true" : std::string(trim(std::string_view(field).substr(equals + 1)));
  }
  return out;
}

Result<> read_field(const std::string& key, const std::string& value, AttestationRequest& out) {
  bool provenance = out.kind == Kind::Provenance;
  if (provenance && key == "mode") {
    if (value != "min" && value != "max") return invalid("mode must be min or max, not \"" + value + "\"");
    out.maximal = value == "max";
  } else if (provenance && key == "version") {
    if (value != "v1" && value != "v0.2") return invalid("version must be v1 or v0.2, not \"" + value + "\"");
    out.old_version = value == "v0.2";
  } else if (provenance && key == "builder-id") {
    out.builder_id = value;
  } else if (provenance && key == "reproducible") {
    TRY_ASSIGN(out.reproducible, read_flag(key, value));
  } else if (key == "inline-only") {
    TRY_ASSIGN(out.only_inline, read_flag(key, value));
  } else if (!provenance && key == "generator") {
    return unsupported("generator images are not run: the builder itself lists the packages of the image");
  } else {
    return invalid("unknown option \"" + key + "\"");
  }
  return {};
}

Result<std::optional<AttestationRequest>> from_fields(Kind kind, Fields fields) {
  if (auto disabled = fields.find("disabled"); disabled != fields.end()) {
    TRY_ASSIGN(bool off, read_flag("disabled", disabled->second));
    if (off) return std::optional<AttestationRequest>();
    fields.erase(disabled);
  }
  AttestationRequest out;
  out.kind = kind;
  for (const auto& [key, value] : fields) TRY(read_field(key, value, out).in(kind_name(kind)));
  return std::optional(std::move(out));
}

}  // namespace

Result<std::optional<AttestationRequest>> parse_attestation(Kind kind, std::string_view value) {
  std::optional<bool> flag = flag_value(value);
  if (value.empty() || (flag && !*flag)) return std::optional<AttestationRequest>();
  return from_fields(kind, flag ? Fields() : fields_of(value));
}

Result<std::optional<AttestationRequest>> parse_attestation(std::string_view text) {
  Fields fields = fields_of(text);
  std::string type = fields["type"];
  fields.erase("type");
  if (type != "provenance" && type != "sbom")
    return invalid("attestation \"" + std::string(text) + "\": type must be provenance or sbom");
  return from_fields(type == "sbom" ? Kind::Sbom : Kind::Provenance, std::move(fields));
}

void set_attestation(std::vector<AttestationRequest>& list, Kind kind,
                     std::optional<AttestationRequest> request) {
  std::erase_if(list, [&](const AttestationRequest& item) { return item.kind == kind; });
  if (request) list.push_back(std::move(*request));
}

Result<> add_attestations(std::vector<AttestationRequest>& list, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    TRY_ASSIGN(std::optional<AttestationRequest> request, parse_attestation(text));
    set_attestation(list, fields_of(text)["type"] == "sbom" ? Kind::Sbom : Kind::Provenance,
                    std::move(request));
  }
  return {};
}

}  // namespace stack::builder
