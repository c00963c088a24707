#ifndef SYNFIRE_ROWS
#define SYNFIRE_ROWS
// The synapses of a pathway as runs: stretches of synapses of one presynaptic neuron that lie next
// to each other and lead, with one delay, to postsynaptic neurons that lie next to each other.  In
// a dense projection stored row by row a spike is one run for each stretch of targets.
//
// Runs of a single synapse are taken together across presynaptic neurons where nobody can tell in
// which order they arrive: neurons that lie next to each other, each with one synapse, to targets
// that lie next to each other too (one to one) or are the same (all to one), are a band.  Of a band
// the spikes of a step are looked up, not its synapses.

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

// What runs once, before the first step: compiled in half the time if it need not be fast.
#define SYNFIRE_SETUP __attribute__((cold, noinline))

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
    static constexpr int32_t most = 8;
    int32_t n;           // runs of different synapses that lead to the same targets
    int32_t runs[most];  // in the order in which they arrive
};

struct Band {
    int32_t pre, n;           // presynaptic neurons
    int32_t synapse, stride;  // synapse of the first one; from one neuron's to the next one's
    int32_t post, slope;      // its postsynaptic neuron; to the next one: 0 or 1
    int32_t delay;
    int32_t from, to;         // its ends, among those of all bands

    size_t synapse_of(int32_t spike) const { return synapse + size_t(spike - pre) * stride; }
    size_t target_of(int32_t spike) const { return post + size_t(spike - pre) * slope; }
};

struct Sent {
    std::vector<int32_t> spikes;  // of one step, sorted
    std::vector<int32_t> place;   // of the first one at or behind each end of the bands
    const int32_t* begin(const Band& band) const { return spikes.data() + place[band.from]; }
    const int32_t* end(const Band& band) const { return spikes.data() + place[band.to]; }
};

class Rows {
    static constexpr size_t mean_band = 8;  // neurons of a band from which on bands are worth it

    struct Found {
        Run run;
        int32_t pre, delay;
    };
    struct Bundle {
        Span runs;
        int32_t delay;
    };
    static constexpr int32_t most_in_32_bits = 65535;  // numbers of 16 bits whose sum has 32 at most
    static constexpr int32_t worth_keeping = 16;  // length of a run from which on `add_all` looks at it
    enum class Even : char { unknown, yes, no };
    struct Kept {                       // see `add_all`
        std::vector<Even> even;         // of each run
        std::vector<int64_t> sum;       // of each `targets`: what is to be added to each of them
        std::vector<int32_t> run;       // of each `targets` for which there is a sum: a run to them
        std::vector<char> there;        // of each `targets`: whether there is
    };
    struct Arrived {                    // see `add_together`
        std::vector<int32_t> runs, last;  // that lead to some `targets` in this step; at the last time
        std::vector<int32_t> sum;         // of what the last ones held
        bool holds = false;               // nobody has written them since
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
    std::vector<char> small_;             // of each run: see `add`
    std::vector<int32_t> last_of_short_;  // of each short run: see `note_short`
    std::vector<int32_t> post_;           // of each synapse in a short run: its postsynaptic neuron
    std::vector<Kept> kept_;              // of each place in the code that calls `add_all`
    std::vector<Arrived> arrived_;        // of each `targets`
    std::vector<int32_t> reached_;        // `targets` of the runs that arrive in this step
    uint64_t step_ = 0;
    double dt_ = 0.0;
    int32_t start_ = 0, stop_ = 0;
    std::vector<Found> found_;            // all runs, as long as bands may be asked for
    bool asked_ = false;
    std::vector<Band> bands_;
    std::vector<int32_t> ends_;           // of all bands, sorted
    int32_t first_ = 0, last_ = -1;       // presynaptic neurons that have runs lie between these
    std::vector<Sent> sent_;              // ring: sent_[(sent_now_ + size - d) % size] is d steps old
    size_t sent_now_ = 0;

public:
    // Forms the runs.  Of one neuron and delay they keep the order of their synapses.  When this
    // is repeated, spikes under way stay under way.
    template <typename scalar>
    SYNFIRE_SETUP void prepare(const std::vector<int32_t>& pre, const std::vector<int32_t>& post,
                               const std::vector<scalar>& delay, double dt, int32_t start,
                               int32_t stop) {
        start_ = start;
        stop_ = stop;
        spell_out();
        if (dt_ != 0.0 && dt_ != dt) change_step(dt_ / dt);
        dt_ = dt;
        const std::vector<Run> before = std::move(runs_);
        runs_.clear();
        bands_.clear();
        asked_ = false;
        found_ = find(pre, post, delay, dt);
        int32_t longest = 0;
        for (const Found& one : found_) longest = std::max(longest, one.delay);
        lay_out(found_);
        keep_under_way(before);
        reach(longest);
        immediate_ = due_.size() == 1;
        look_up();
    }

    // The code of the pathway commutes: the order in which synapses are visited makes no difference.
    // It says so before it visits them; at the first time, bands are formed.
    void commute() {
        if (asked_) return;
        asked_ = true;
        take_bands(found_);
        if (bands_.empty()) return;
        lay_out(found_);  // behind the others: some of them may be under way
        look_up();
    }

    // A new time step: the spikes of this step are put into the ring.
    void advance(const int32_t* spikes, int32_t n_spikes) {
        due_[now_].clear();
        now_ = now_ + 1 == due_.size() ? 0 : now_ + 1;
        step_++;
        const int32_t* from = std::lower_bound(spikes, spikes + n_spikes, start_);
        const int32_t* to = std::lower_bound(from, spikes + n_spikes, stop_);
        const bool sorted = is_sorted(from, to);  // generated spikes of one step may not be
        if (!bands_.empty()) send(from, to, sorted);
        if (sorted) {
            from = std::lower_bound(from, to, first_);
            to = std::lower_bound(from, to, last_ + 1);
        }
        if (immediate_) {  // without a delay a neuron has one bundle at the most
            for (; from != to; from++) {
                const Span& runs = only_[*from - start_];
                if (runs.begin < runs.end) due_[0].push_back(runs);
            }
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

    // The bands, sorted by delay, and the spikes of which each delivers now.
    const std::vector<Band>& bands() const { return bands_; }
    const Sent& sent(const Band& band) const { return sent(band.delay); }

    // What arrives in this step, neighbours with the same targets together, up to so many.
    const std::vector<Group>& groups(int32_t most) {
        groups_.clear();
        for (const Span& span : due_[now_])
            for (int32_t k = span.begin; k < span.end; k++) {
                if (groups_.empty() || !joins(groups_.back(), runs_[k], most))
                    groups_.push_back({0, {}});
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

    // Adds to the targets of a group what its runs hold, whole numbers, `factor` times.  Of runs
    // whose numbers are small and have 16 bits or less the sum is taken in 16 bits, which holds it.
    // `alone`: nobody but the code of this pathway writes them, which says so by `written`; so what
    // was found small stays so.
    template <typename T, typename S, typename F>
    void add(const Group& group, T* target, const S* values, F factor, bool alone) {
        const Run& first = runs_[group.runs[0]];
        add_rows(group.runs, group.n, target + first.post, values, size_t(first.length), factor,
                 alone);
    }

    void written(int32_t run) {
        small_[run] = 0;
        if (!arrived_.empty()) arrived_[runs_[run].targets].holds = false;
    }

    // Whether nothing is delayed: so a run arrives once in a step.
    bool immediate() const { return immediate_; }

    // Adds what arrives in this step, as `add` does, where nothing is delayed and nobody but the
    // code of this pathway writes the numbers.  The sums are kept: if the same runs arrive the next
    // time at the same targets, and nobody has written their numbers since, they have the same sum.
    // To be called at one place in the code.
    template <typename T, typename S, typename F>
    void add_together(T* target, const S* values, F factor) {
        if (arrived_.empty()) arrived_.resize(answers_.size());
        reached_.clear();
        for (const Span& span : due_[now_])
            for (int32_t r = span.begin; r < span.end; r++) {
                Arrived& there = arrived_[runs_[r].targets];
                if (there.runs.empty()) reached_.push_back(runs_[r].targets);
                there.runs.push_back(r);
            }
        for (const int32_t targets : reached_) {
            Arrived& there = arrived_[targets];
            const Run first = runs_[there.runs[0]];  // not by reference: a target might be part of it
            const int32_t n_runs = int32_t(there.runs.size());
            T* const at = target + first.post;
            if (n_runs > most_in_32_bits) {
                add_rows(there.runs.data(), n_runs, at, values, size_t(first.length), factor, true);
                there.runs.clear();
                continue;
            }
            if (!there.holds || there.runs != there.last) {
                there.sum.assign(first.length, 0);
                add_rows(there.runs.data(), n_runs, there.sum.data(), values, size_t(first.length),
                         1, true);
                there.last = there.runs;
                there.holds = true;
            }
            for (int32_t k = 0; k < first.length; k++) at[k] += T(factor) * there.sum[k];
            there.runs.clear();
        }
    }

    // Adds what arrives in this step, as `add` does, of numbers that nobody writes.  Of a run that
    // holds the same number everywhere, as that of a gate to a population, the number is kept until
    // all runs have been visited, and is added to the targets together with those of other runs.
    // `place` numbers the places in the code that call this.
    template <typename T, typename S, typename F>
    void add_all(size_t place, T* target, const S* values, F factor) {
        Kept& kept = kept_at(place);
        Group others{0, {}};
        const auto add_others = [&] {
            if (others.n > 0) add(others, target, values, factor, true);
            others.n = 0;
        };
        for (const Span& span : due_[now_])
            for (int32_t r = span.begin; r < span.end; r++) {
                const Run run = runs_[r];  // not by reference: a target might be part of it
                if (run.length < worth_keeping) {
                    r = std::min(last_of_short_[r], span.end - 1);
                    const int32_t end = runs_[r].synapse + runs_[r].length;
                    for (int32_t k = run.synapse; k < end; k++)
                        target[post_[k]] += T(factor) * values[k];
                } else if (even(kept.even[r], run, values)) {
                    if (!kept.there[run.targets]) kept.run.push_back(r);
                    kept.there[run.targets] = 1;
                    kept.sum[run.targets] += values[run.synapse];
                } else {
                    if (others.n > 0 && !joins(others, run, Group::most)) add_others();
                    others.runs[others.n++] = r;
                }
            }
        add_others();
        for (const int32_t r : kept.run) {
            const Run run = runs_[r];
            const T sum = T(factor * kept.sum[run.targets]);
            for (int32_t k = 0; k < run.length; k++) target[run.post + k] += sum;
            kept.sum[run.targets] = 0;
            kept.there[run.targets] = 0;
        }
        kept.run.clear();
    }

private:
    // As that of the standard library, without a branch.
    static bool is_sorted(const int32_t* from, const int32_t* to) {
        int32_t falls = 0;
        for (const int32_t* next = from + 1; next < to; next++) falls |= next[0] < next[-1];
        return !falls;
    }

    template <typename T, typename S, typename F>
    void add_rows(const int32_t* runs, int32_t n_runs, T* at, const S* values, size_t length,
                  F factor, bool alone) {
        int32_t done = 0;
        for (; n_runs - done >= 8; done += 8)
            add_runs<8>(runs + done, at, values, length, factor, alone);
        for (; n_runs - done >= 4; done += 4)
            add_runs<4>(runs + done, at, values, length, factor, alone);
        for (; n_runs - done >= 1; done += 1)
            add_runs<1>(runs + done, at, values, length, factor, alone);
    }

    Kept& kept_at(size_t place) {
        if (place >= kept_.size()) kept_.resize(place + 1);
        Kept& kept = kept_[place];
        if (last_of_short_.size() < runs_.size()) note_short();
        kept.even.resize(runs_.size(), Even::unknown);
        kept.sum.resize(answers_.size(), 0);
        kept.there.resize(answers_.size(), 0);
        return kept;
    }

    // Short runs whose synapses follow each other are visited as one: which is the last of them.
    SYNFIRE_SETUP void note_short() {
        last_of_short_.resize(runs_.size());
        for (int32_t r = int32_t(runs_.size()) - 1; r >= 0; r--) {
            const Run& run = runs_[r];
            const int32_t end = run.synapse + run.length, next = r + 1;
            const bool goes_on = next < int32_t(runs_.size()) && runs_[next].synapse == end &&
                                 runs_[next].length < worth_keeping;
            last_of_short_[r] = goes_on ? last_of_short_[next] : r;
            if (run.length >= worth_keeping) continue;
            if (int32_t(post_.size()) < end) post_.resize(end);
            std::iota(post_.begin() + run.synapse, post_.begin() + end, run.post);
        }
    }

    template <typename S>
    static bool even(Even& known, const Run& run, const S* values) {
        if (known == Even::unknown) {
            const S* first = values + run.synapse;
            const S* last = first + run.length;
            const bool same = std::all_of(first, last, [&](S one) { return one == *first; });
            known = same ? Even::yes : Even::no;
        }
        return known == Even::yes;
    }

    // Adds the sums of rows, which a number of this type holds.
    template <int32_t n, typename Sum, typename T, typename S, typename F>
    static void add_sums(const S* const (&rows)[n], T* __restrict target, size_t length, F factor) {
        for (size_t k = 0; k < length; k++) {
            Sum sum = 0;
#pragma GCC unroll 8
            for (int32_t r = 0; r < n; r++) sum += rows[r][k];
            target[k] += T(factor) * sum;
        }
    }

    template <int32_t n, typename T, typename S, typename F>
    void add_runs(const int32_t* runs, T* __restrict target, const S* values, size_t length,
                  F factor, bool alone) {
        constexpr int32_t small = 32768 / Group::most;  // from -small up to small - 1
        constexpr size_t block = 256;
        const S* rows[n];
        for (int32_t r = 0; r < n; r++) rows[r] = values + runs_[runs[r]].synapse;
        if (sizeof(S) > 2) return add_sums<n, T>(rows, target, length, factor);
        bool known = sizeof(S) == 1;
        if (!known && alone) {
            known = true;
            for (int32_t r = 0; r < n; r++) known = known && small_[runs[r]];
        }
        if (known) return add_sums<n, int16_t>(rows, target, length, factor);
        bool all_small = true;
        for (size_t begin = 0; begin < length; begin += block) {
            const size_t size = std::min(block, length - begin);
            int16_t sums[block];
            uint16_t outside = 0;
            for (size_t k = 0; k < size; k++) {
                int16_t sum = 0;
#pragma GCC unroll 8
                for (int32_t r = 0; r < n; r++) {
                    const int16_t one = rows[r][begin + k];
                    sum += one;
                    outside |= uint16_t(one + small);
                }
                sums[k] = sum;
            }
            if (outside < 2 * small) {
                for (size_t k = 0; k < size; k++) target[begin + k] += T(factor) * sums[k];
                continue;
            }
            all_small = false;
            for (int32_t r = 0; r < n; r++)
                for (size_t k = 0; k < size; k++)
                    target[begin + k] += T(factor) * rows[r][begin + k];
        }
        for (int32_t r = 0; r < n && all_small; r++) small_[runs[r]] = 1;
    }

    const Sent& sent(int32_t age) const {
        return sent_[(sent_now_ + sent_.size() - age) % sent_.size()];
    }

    // The spikes of this step are noted, for bands.
    void send(const int32_t* from, const int32_t* to, bool sorted) {
        sent_now_ = sent_now_ + 1 == sent_.size() ? 0 : sent_now_ + 1;
        Sent& now = sent_[sent_now_];
        now.spikes.assign(from, to);
        if (!sorted) std::sort(now.spikes.begin(), now.spikes.end());
        auto at = now.spikes.begin();
        for (size_t k = 0; k < ends_.size(); k++) {
            if (at != now.spikes.end() && *at < ends_[k])
                at = std::lower_bound(at, now.spikes.end(), ends_[k]);
            now.place[k] = int32_t(at - now.spikes.begin());
        }
    }

    // All runs, sorted by presynaptic neuron, then by delay, then as their synapses are.
    template <typename scalar>
    SYNFIRE_SETUP static std::vector<Found> find(const std::vector<int32_t>& pre,
                                                 const std::vector<int32_t>& post,
                                                 const std::vector<scalar>& delay, double dt) {
        std::vector<int32_t> late(delay.size());
        for (size_t k = 0; k < late.size(); k++) late[k] = int32_t(delay[k] / dt + 0.5);
        const auto steps = [&](int32_t synapse) { return late[delay.size() == 1 ? 0 : synapse]; };
        std::vector<int32_t> order(pre.size());
        std::iota(order.begin(), order.end(), 0);
        const auto before_in_table = [&](int32_t a, int32_t b) {
            return pre[a] != pre[b] ? pre[a] < pre[b] : steps(a) < steps(b);
        };
        if (!std::is_sorted(order.begin(), order.end(), before_in_table))
            std::stable_sort(order.begin(), order.end(), before_in_table);
        std::vector<Found> found;
        int32_t last = -1;
        for (const int32_t synapse : order) {
            const int32_t in_steps = steps(synapse);
            if (last >= 0 && last + 1 == synapse && pre[last] == pre[synapse] &&
                found.back().delay == in_steps && post[last] + 1 == post[synapse])
                found.back().run.length++;
            else
                found.push_back({Run{synapse, post[synapse], 1, 0}, pre[synapse], in_steps});
            last = synapse;
        }
        return found;
    }

    // Takes the runs out that are bands.
    SYNFIRE_SETUP void take_bands(std::vector<Found>& found) {
        std::map<std::array<int32_t, 4>, int32_t> open;  // what would lengthen a band, to its number
        std::vector<Band> bands;
        std::vector<int32_t> member(found.size(), -1);
        for (size_t k = 0; k < found.size(); k++) {
            const Found& one = found[k];
            if (one.run.length > 1) continue;
            const int32_t post = one.run.post, synapse = one.run.synapse;
            int32_t at = -1;
            for (const int32_t slope : {1, 0}) {
                const auto place = open.find({one.delay, one.pre, post, slope});
                if (at >= 0 || place == open.end()) continue;
                Band& band = bands[place->second];
                const bool second = band.n == 1;
                const int32_t stride =
                    second ? synapse - band.synapse : band.stride;
                if (!second && (band.slope != slope || band.synapse + stride * band.n != synapse))
                    continue;
                if (second && (stride < 0 || band.slope >= 0)) continue;
                at = place->second;
                band.slope = slope;
                band.stride = stride;
                open.erase(place);
            }
            if (at < 0) {
                at = int32_t(bands.size());
                bands.push_back({one.pre, 0, synapse, 0, post, -1, one.delay, 0, 0});
            }
            Band& band = bands[at];
            band.n++;
            for (const int32_t slope : {1, 0})
                if (band.n == 1 || band.slope == slope)
                    open[{one.delay, one.pre + 1, post + slope, slope}] = at;
            member[k] = at;
        }
        const auto worth = [](const Band& band) { return size_t(band.n) >= mean_band; };
        if (std::none_of(bands.begin(), bands.end(), worth)) return;
        std::vector<Found> rest;
        for (size_t k = 0; k < found.size(); k++)
            if (member[k] < 0 || !worth(bands[member[k]])) rest.push_back(found[k]);
        found = std::move(rest);
        std::copy_if(bands.begin(), bands.end(), std::back_inserter(bands_), worth);
        std::stable_sort(bands_.begin(), bands_.end(),
                         [](const Band& a, const Band& b) { return a.delay < b.delay; });
        ends_.clear();
        for (const Band& band : bands_) {
            ends_.push_back(band.pre);
            ends_.push_back(band.pre + band.n);
        }
        std::sort(ends_.begin(), ends_.end());
        ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
        const auto end = [&](int32_t at) {
            return int32_t(std::lower_bound(ends_.begin(), ends_.end(), at) - ends_.begin());
        };
        for (Band& band : bands_) {
            band.from = end(band.pre);
            band.to = end(band.pre + band.n);
        }
        sent_.assign(bands_.back().delay + 1, Sent());
        for (Sent& then : sent_) then.place.assign(ends_.size(), 0);
        sent_now_ = 0;
    }

    // The runs, and those of each presynaptic neuron and delay.
    SYNFIRE_SETUP void lay_out(const std::vector<Found>& found) {
        bundles_.clear();
        begin_.assign(stop_ - start_ + 1, 0);
        first_ = found.empty() ? 0 : found.front().pre;
        last_ = found.empty() ? -1 : found.back().pre;
        for (size_t k = 0; k < found.size(); k++) {
            const Found& one = found[k];
            runs_.push_back(one.run);
            const int32_t n_runs = int32_t(runs_.size());
            if (k > 0 && found[k - 1].pre == one.pre && found[k - 1].delay == one.delay)
                bundles_.back().runs.end = n_runs;
            else
                bundles_.push_back(Bundle{Span{n_runs - 1, n_runs}, one.delay});
            begin_[one.pre - start_ + 1] = int32_t(bundles_.size());
        }
        for (size_t i = 1; i < begin_.size(); i++) begin_[i] = std::max(begin_[i], begin_[i - 1]);
    }

    // What is found by numbers: of targets, and of neurons if nothing is delayed.
    SYNFIRE_SETUP void look_up() {
        number_targets();
        if (!immediate_) return;
        only_.assign(begin_.size() - 1, Span{0, 0});
        for (size_t i = 0; i < only_.size(); i++)
            if (begin_[i] < begin_[i + 1]) only_[i] = bundles_[begin_[i]].runs;
    }

    // The ring holds delays up to the longest.
    SYNFIRE_SETUP void reach(int32_t longest) {
        if (longest + 1 <= int32_t(due_.size())) return;
        std::rotate(due_.begin(), due_.begin() + now_, due_.end());
        now_ = 0;
        due_.resize(longest + 1);
    }

    // What is under way in bands is put into the ring, synapse by synapse.
    SYNFIRE_SETUP void spell_out() {
        for (const Band& band : bands_) {
            reach(band.delay);
            for (int32_t age = 0; age < band.delay; age++) {
                const Sent& then = sent(age);
                for (const int32_t* spike = then.begin(band); spike != then.end(band); spike++) {
                    const int32_t n_runs = int32_t(runs_.size());
                    runs_.push_back({int32_t(band.synapse_of(*spike)),
                                     int32_t(band.target_of(*spike)), 1, 0});
                    due_[(now_ + band.delay - age) % due_.size()].push_back({n_runs, n_runs + 1});
                }
            }
        }
        for (Sent& then : sent_) {
            then.spikes.clear();
            std::fill(then.place.begin(), then.place.end(), 0);
        }
    }

    bool joins(const Group& group, const Run& run, int32_t most) const {
        if (group.n == most || runs_[group.runs[0]].targets != run.targets) return false;
        for (int32_t k = 0; k < group.n; k++)
            if (runs_[group.runs[k]].synapse == run.synapse) return false;
        return true;
    }

    // The time step has changed between two runs.  What is under way arrives when Brian2's queue
    // would let it arrive, which keeps only the last of what now falls into one step.
    SYNFIRE_SETUP void change_step(double factor) {
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

    SYNFIRE_SETUP void keep_under_way(const std::vector<Run>& before) {
        for (auto& slot : due_)
            for (Span& span : slot) {
                const int32_t begin = int32_t(runs_.size());
                runs_.insert(runs_.end(), before.begin() + span.begin, before.begin() + span.end);
                span = {begin, int32_t(runs_.size())};
            }
    }

    SYNFIRE_SETUP void number_targets() {
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
        small_.assign(runs_.size(), 0);
        arrived_.clear();
        kept_.clear();
        last_of_short_.clear();
        post_.clear();
    }
};

}  // namespace synfire
#endif
