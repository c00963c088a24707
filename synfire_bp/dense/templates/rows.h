#ifndef SYNFIRE_ROWS
#define SYNFIRE_ROWS
// The synapses of a pathway as runs: stretches of synapses of one presynaptic neuron that lie next
// to each other and lead, with one delay, to postsynaptic neurons that lie next to each other.  In
// a dense projection stored row by row a spike is one run for each stretch of targets.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace synfire {

struct Run {
    int32_t synapse;  // first one; the others follow
    int32_t post;     // its postsynaptic neuron; the others follow
    int32_t length;
    int32_t targets;  // numbers the distinct (post, length)
};

struct Span {
    int32_t begin, end;  // runs of one presynaptic neuron that share a delay
};

struct Group {
    static constexpr int32_t most = 4;
    int32_t n;           // runs of different synapses that lead to the same targets
    int32_t runs[most];  // in the order in which they arrive
};

class Rows {
    struct Bundle {
        Span runs;
        int32_t delay;
    };
    struct Answer {  // the last one of `any`
        uint64_t step;
        const char* flags;
        char up;
    };

    std::vector<Run> runs_;
    std::vector<Bundle> bundles_;
    std::vector<int32_t> begin_;          // presynaptic neuron -> its first bundle; and the end
    std::vector<std::vector<Span>> due_;  // ring: due_[(now_ + d) % size] arrives in d steps
    std::vector<Group> groups_;
    std::vector<Span> only_;              // presynaptic neuron -> its runs, if none is delayed
    bool immediate_ = false;
    size_t now_ = 0;
    std::vector<Answer> answers_;         // of each `targets`
    uint64_t step_ = 0;
    double dt_ = 0.0;
    int32_t start_ = 0, stop_ = 0;

public:
    // Forms the runs.  Of one neuron and delay they keep the order of their synapses.  When this
    // is repeated, spikes under way stay under way.
    template <typename scalar>
    void prepare(const std::vector<int32_t>& pre, const std::vector<int32_t>& post,
                 const std::vector<scalar>& delay, double dt, int32_t start, int32_t stop) {
        start_ = start;
        stop_ = stop;
        if (dt_ != 0.0 && dt_ != dt) change_step(dt_ / dt);
        dt_ = dt;
        const std::vector<Run> before = std::move(runs_);
        const auto steps = [&](int32_t synapse) {
            return int32_t(delay[delay.size() == 1 ? 0 : synapse] / dt + 0.5);
        };
        std::vector<int32_t> order(pre.size());
        std::iota(order.begin(), order.end(), 0);
        const auto before_in_table = [&](int32_t a, int32_t b) {
            return pre[a] != pre[b] ? pre[a] < pre[b] : steps(a) < steps(b);
        };
        if (!std::is_sorted(order.begin(), order.end(), before_in_table))
            std::stable_sort(order.begin(), order.end(), before_in_table);
        runs_.clear();
        bundles_.clear();
        begin_.assign(stop - start + 1, 0);
        int32_t longest = 0;
        for (size_t k = 0; k < order.size(); k++) {
            const int32_t synapse = order[k], late = steps(synapse);
            const int32_t last = k > 0 ? order[k - 1] : -1;
            const bool same = k > 0 && pre[last] == pre[synapse] && bundles_.back().delay == late;
            if (same && last + 1 == synapse && post[last] + 1 == post[synapse]) {
                runs_.back().length++;
                continue;
            }
            runs_.push_back({synapse, post[synapse], 1, 0});
            const int32_t n_runs = int32_t(runs_.size());
            if (same)
                bundles_.back().runs.end = n_runs;
            else
                bundles_.push_back(Bundle{Span{n_runs - 1, n_runs}, late});
            begin_[pre[synapse] - start + 1] = int32_t(bundles_.size());
            longest = std::max(longest, late);
        }
        for (size_t i = 1; i < begin_.size(); i++) begin_[i] = std::max(begin_[i], begin_[i - 1]);
        keep_under_way(before);
        number_targets();
        if (longest + 1 > int32_t(due_.size())) {
            std::rotate(due_.begin(), due_.begin() + now_, due_.end());
            now_ = 0;
            due_.resize(longest + 1);
        }
        immediate_ = due_.size() == 1;
        if (immediate_) {
            only_.assign(begin_.size() - 1, Span{0, 0});
            for (size_t i = 0; i < only_.size(); i++)
                if (begin_[i] < begin_[i + 1]) only_[i] = bundles_[begin_[i]].runs;
        }
    }

    // A new time step: the spikes of this step are put into the ring.
    void advance(const int32_t* spikes, int32_t n_spikes) {
        due_[now_].clear();
        now_ = now_ + 1 == due_.size() ? 0 : now_ + 1;
        step_++;
        const int32_t* from = std::lower_bound(spikes, spikes + n_spikes, start_);
        const int32_t* to = std::lower_bound(from, spikes + n_spikes, stop_);
        if (immediate_) {  // without a delay a neuron has one bundle at the most
            std::vector<Span>& slot = due_[0];
            slot.resize(to - from);
            size_t n = 0;
            for (; from != to; from++) {
                slot[n] = only_[*from - start_];
                n += slot[n].begin < slot[n].end;
            }
            slot.resize(n);
            return;
        }
        for (; from != to; from++) {
            const int32_t i = *from - start_;
            for (int32_t k = begin_[i]; k < begin_[i + 1]; k++) {
                size_t at = now_ + bundles_[k].delay;
                if (at >= due_.size()) at -= due_.size();
                due_[at].push_back(bundles_[k].runs);
            }
        }
    }

    // What arrives in this step, in the order in which it was sent.
    const std::vector<Span>& due() const { return due_[now_]; }
    const Run& run(int32_t k) const { return runs_[k]; }

    // What arrives in this step, neighbours with the same targets together.
    const std::vector<Group>& groups() {
        groups_.clear();
        for (const Span& span : due_[now_])
            for (int32_t k = span.begin; k < span.end; k++) {
                if (groups_.empty() || !joins(groups_.back(), runs_[k])) groups_.push_back({0, {}});
                Group& group = groups_.back();
                group.runs[group.n++] = k;
            }
        return groups_;
    }

    // Whether a flag is up at any target of a run; looked up once a step for equal targets.  So the
    // flags must not change while the code of the pathway runs.
    bool any(const char* flags, const Run& run) {
        Answer& answer = answers_[run.targets];
        if (answer.step != step_ || answer.flags != flags) {
            char up = 0;
            for (int32_t k = 0; k < run.length; k++) up |= flags[run.post + k];
            answer = {step_, flags, up};
        }
        return answer.up;
    }

private:
    bool joins(const Group& group, const Run& run) const {
        if (group.n == Group::most || runs_[group.runs[0]].targets != run.targets) return false;
        for (int32_t k = 0; k < group.n; k++)
            if (runs_[group.runs[k]].synapse == run.synapse) return false;
        return true;
    }

    // The time step has changed between two runs.  What is under way arrives when Brian2's queue
    // would let it arrive, which keeps only the last of what now falls into one step.
    void change_step(double factor) {
        const size_t size = due_.size();
        std::vector<std::vector<Span>> rescaled(size_t(size * factor) + 1);
        for (size_t late = 0; late < size; late++) {
            const size_t place = size_t(late * factor + 0.5);
            if (place >= rescaled.size()) rescaled.resize(place + 1);
            rescaled[place] = due_[(now_ + late) % size];
        }
        due_ = std::move(rescaled);
        now_ = 0;
    }

    void keep_under_way(const std::vector<Run>& before) {
        for (auto& slot : due_)
            for (Span& span : slot) {
                const int32_t begin = int32_t(runs_.size());
                runs_.insert(runs_.end(), before.begin() + span.begin, before.begin() + span.end);
                span = {begin, int32_t(runs_.size())};
            }
    }

    void number_targets() {
        std::vector<std::pair<int32_t, int32_t>> distinct;
        for (const Run& run : runs_) distinct.push_back({run.post, run.length});
        std::sort(distinct.begin(), distinct.end());
        distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
        for (Run& run : runs_) {
            const std::pair<int32_t, int32_t> targets(run.post, run.length);
            const auto place = std::lower_bound(distinct.begin(), distinct.end(), targets);
            run.targets = int32_t(place - distinct.begin());
        }
        answers_.assign(distinct.size(), Answer{0, nullptr, 0});
    }
};

}  // namespace synfire
#endif
