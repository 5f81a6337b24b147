#include "orchestrator/compose/jobs.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/files.h"
#include "base/text.h"
#include "orchestrator/compose/cron.h"
#include "orchestrator/compose/time_zone.h"

namespace stack::compose {

namespace {

// Attributes of services only.
constexpr std::string_view kOfServices[] = {
    "attach", "container_name", "deploy",    "develop",  "extends",  "external_links", "links",
    "net",    "post_start",     "pre_start", "pre_stop", "provider", "restart",        "scale"};

void check_attributes_of(const Entry& job, Report& report) {
  for (const Entry& attribute : job.value.entries)
    if (std::find(std::begin(kOfServices), std::end(kOfServices), attribute.key) != std::end(kOfServices))
      report.error(attribute.mark, "job " + job.key + ": jobs have no " + attribute.key);
}

void check_triggers(const Entry& job, Report& report) {
  const Node* triggers = job.value.find("triggers");
  if (triggers->is_map() && triggers->entries.empty())
    report.error(triggers->mark, "job " + job.key + " has no triggers",
                 "add triggers: {manual: true}, or a schedule");
}

void check_schedule(const std::string& job, const Node& schedule, Report& report) {
  const Node* cron = schedule.find("cron");
  if (cron == nullptr)
    report.error(schedule.mark, "job " + job + ": the schedule has no cron expression", "add cron: \"0 3 * * *\"");
  if (cron != nullptr && cron->is_scalar())
    if (Result<CronTimes> times = parse_cron(cron->text); !times)
      report.error(cron->mark, "job " + job + ": cron \"" + cron->text + "\": " + times.error().text());
  const Node* zone = schedule.find("timezone");
  if (zone == nullptr || !zone->is_scalar() || zone->text.empty() || !path_exists("/usr/share/zoneinfo")) return;
  if (Result<TimeZone> found = TimeZone::open(zone->text); !found)
    report.error(zone->mark, "job " + job + ": " + found.error().text());
}

}  // namespace

bool is_job(const Node& service) { return service.is_map() && service.find("triggers") != nullptr; }

bool is_scheduled(const Node& job) {
  const Node* triggers = job.find("triggers");
  const Node* schedule = triggers == nullptr ? nullptr : triggers->find("schedule");
  return schedule != nullptr && schedule->is_list() && !schedule->items.empty();
}

bool is_manual_run_forbidden(const Node& job) {
  const Node* triggers = job.find("triggers");
  return triggers != nullptr && lower(triggers->text_of("manual")) == "false";
}

void put_jobs_among_services(Node& document, Report& report) {
  if (!document.is_map()) return;
  Node* services = document.find("services");
  if (services != nullptr && services->is_map())
    for (const Entry& service : services->entries)
      if (const Node* triggers = service.value.find("triggers"))
        report.error(triggers->mark, "service " + service.key + ": only jobs have triggers",
                     "move it to the top-level element jobs");
  Node* found = document.find("jobs");
  if (found == nullptr || !found->is_map() || (services != nullptr && !services->is_map())) return;
  Node jobs = std::move(*found);
  document.erase("jobs");
  if (services == nullptr) document.set("services", map_node(jobs.mark));
  services = document.find("services");
  for (Entry& job : jobs.entries) {
    if (job.key.starts_with("x-") || !job.value.is_map()) continue;
    check_attributes_of(job, report);
    // Another file may have them.
    Node* triggers = job.value.find("triggers");
    if (triggers == nullptr || triggers->is_null()) job.value.set("triggers", map_node(job.mark));
    if (services->find(job.key) != nullptr) {
      report.error(job.mark, "\"" + job.key + "\" is declared both as a service and a job",
                   "names must be unique across services and jobs");
      continue;
    }
    services->entries.push_back(std::move(job));
  }
}

void take_jobs_from_services(Node& tree) {
  Node* services = tree.find("services");
  if (services == nullptr || !services->is_map()) return;
  std::vector<Entry> jobs;
  for (Entry& service : services->entries)
    if (is_job(service.value)) jobs.push_back(service);
  if (jobs.empty()) return;
  std::erase_if(services->entries, [](const Entry& service) { return is_job(service.value); });
  Node section = map_node(jobs.front().mark);
  section.entries = std::move(jobs);
  tree.set("jobs", std::move(section));
}

void check_jobs(const Node& tree, Report& report) {
  const Node* services = tree.find("services");
  if (services == nullptr || !services->is_map()) return;
  for (const Entry& service : services->entries) {
    if (is_job(service.value)) {
      check_triggers(service, report);
      continue;
    }
    const Node* dependencies = service.value.find("depends_on");
    if (dependencies == nullptr) continue;
    for (const Entry& dependency : dependencies->entries) {
      const Node* target = services->find(dependency.key);
      if (target != nullptr && is_job(*target))
        report.error(dependency.mark, "service \"" + service.key + "\" cannot depend on job \"" +
                                          dependency.key + "\": services can only depend on other services");
    }
  }
}

void check_schedules(const Node& tree, Report& report) {
  for (const char* section : {"services", "jobs"}) {
    const Node* jobs = tree.find(section);
    if (jobs == nullptr || !jobs->is_map()) continue;
    for (const Entry& job : jobs->entries) {
      const Node* triggers = is_job(job.value) ? job.value.find("triggers") : nullptr;
      const Node* schedules = triggers == nullptr ? nullptr : triggers->find("schedule");
      if (schedules == nullptr || !schedules->is_list()) continue;
      for (const Node& schedule : schedules->items)
        if (schedule.is_map()) check_schedule(job.key, schedule, report);
    }
  }
}

}  // namespace stack::compose
