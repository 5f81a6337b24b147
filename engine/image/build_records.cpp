#include "engine/image/build_records.h"

#include "base/log.h"
#include "engine/image/build_inputs.h"

namespace stack::engine {

namespace {

constexpr std::string_view kKeyPrefix = "build of ";

BuildRecord read_record(const Json& row) {
  BuildRecord record{string_or(row, "image"), string_or(row, "quick"), string_or(row, "content")};
  auto bases = row.find("bases");
  if (bases == row.end() || !bases->is_object()) return record;
  for (const auto& [reference, id] : bases->items())
    if (id.is_string()) record.bases[reference] = id.get<std::string>();
  return record;
}

}  // namespace

BuildInspection inspect_build(const compose::Build& build, const std::optional<BuildRecord>& known) {
  // The build reports other kinds of contexts and missing ones.
  if (!build.context.starts_with('/') && !build.dockerfile_inline) return {};
  Result<BuildInputs> inputs = BuildInputs::find(build);
  if (!inputs) return {};
  BuildInspection look{inputs->quick_digest(), "", inputs->bases()};
  if (known && known->quick == look.quick) {
    look.content = known->content;
    return look;
  }
  Result<std::string> content = inputs->content_digest();
  if (!content) log_warning("build context " + build.context + ": " + content.error().text());
  look.content = content.value_or("");
  return look;
}

Result<> BuildRecords::load() {
  TRY_ASSIGN(LoadedRecords<Store::Document> loaded, store_.load_documents(Table::Settings));
  for (const auto& [key, row] : loaded.good)
    if (key.starts_with(kKeyPrefix)) records_[key.substr(kKeyPrefix.size())] = read_record(row);
  return {};
}

std::optional<BuildRecord> BuildRecords::find(const std::string& reference,
                                              const std::string& image_id) const {
  auto record = records_.find(reference);
  if (record == records_.end() || record->second.image_id != image_id) return std::nullopt;
  return record->second;
}

Result<> BuildRecords::remember(const std::string& reference, const BuildRecord& record) {
  records_[reference] = record;
  return store_.put(Table::Settings, std::string(kKeyPrefix) + reference,
                    {{"image", record.image_id},
                     {"quick", record.quick},
                     {"content", record.content},
                     {"bases", record.bases}});
}

std::string BuildRecords::quick_of(const std::string& content) const {
  auto quick = quick_of_.find(content);
  return quick == quick_of_.end() ? "" : quick->second;
}

}  // namespace stack::engine
