{# Apply a pathway's code to runs of synapses (rows.h); `row_loops` comes from RowGenerator. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include "code_objects/{{pathway.name}}_push_spikes.h"
{% endblock %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    synfire::Rows& _rows = rows_{{pathway.name}};
    {% if band_code %}
    _rows.commute();
    for (const synfire::Band& _band : _rows.bands())
    {
        const synfire::Sent& _sent = _rows.sent(_band);
        const int32_t* const _last_spike = _sent.end(_band);
        {% for same_target in (true, false) %}
        {{'if (_band.slope == 0)' if same_target else 'else'}}
        {
            {% if same_target %}
            const size_t {{row_target_index}} = _band.post;
            {% endif %}
            for (const int32_t* _spike = _sent.begin(_band); _spike != _last_spike; _spike++)
            {
                const size_t _idx = _band.synapse_of(*_spike);
                const size_t _vectorisation_idx = _idx;
                {% if not same_target %}
                const size_t {{row_target_index}} = _band.target_of(*_spike);
                {% endif %}
                {% if row_sources %}
                const int32_t {{row_source_index}} = {{row_sources}}[_idx];
                {% endif %}
                {{band_code|autoindent}}
            }
        }
        {% endfor %}
    }
    {% endif %}
    {% if rows_at_once > 1 %}
    {% for sum in row_sums %}
    _rows.add_all({{loop.index0}}, {{sum.target}}, {{sum.source}}, {{sum.factor}});
    {% endfor %}
    {% if sum_together %}
    if (_rows.immediate())
        _rows.add_together({{sum_together.target}}, {{sum_together.source}}, {{sum_together.factor}});
    {% endif %}
    {% if row_loops %}
    {# runs with the same targets, taken together: what they write to is loaded and stored once #}
    for (const synfire::Group& _group : _rows.groups({{rows_at_once}}))
    {
        const synfire::Run& _run = _rows.run(_group.runs[0]);
        const size_t _first_target = _run.post;
        const size_t _length = _run.length;
        {% for part in row_loops %}
        {% if part.flags %}
        if (_rows.any({{part.flags}}, _run))
        {% endif %}
        {% if part.sum %}
        {% if part.sum is sameas sum_together %}
        if (!_rows.immediate())
        {% endif %}
        _rows.add(_group, {{part.sum.target}}, {{part.sum.source}}, {{part.sum.factor}},
                  {{'true' if part.sum.alone else 'false'}});
        {% else %}
        {% if part.together %}
        if (_group.n == {{rows_at_once}})
        {
            {% for member in range(rows_at_once) %}
            const size_t _first_{{member}} = _rows.run(_group.runs[{{member}}]).synapse;
            {% if row_sources %}
            const int32_t _source_{{member}} = {{row_sources}}[_first_{{member}}];
            {% endif %}
            {% endfor %}
            for (size_t _k = 0; _k < _length; _k++)
            {
                const size_t {{row_target_index}} = _first_target + _k;
                {% for member in range(rows_at_once) %}
                {
                const size_t _idx = _first_{{member}} + _k;
                const size_t _vectorisation_idx = _idx;
                {% if row_sources %}
                const int32_t {{row_source_index}} = _source_{{member}};
                {% endif %}
                {{part.code|autoindent}}
                }
                {% endfor %}
            }
        }
        else
        {% endif %}
        for (int32_t _member = 0; _member < _group.n; _member++)
        {
            const size_t _first_synapse = _rows.run(_group.runs[_member]).synapse;
            {% if row_sources %}
            const int32_t {{row_source_index}} = {{row_sources}}[_first_synapse];
            {% endif %}
            for (size_t _k = 0; _k < _length; _k++)
            {
                const size_t _idx = _first_synapse + _k;
                const size_t _vectorisation_idx = _idx;
                const size_t {{row_target_index}} = _first_target + _k;
                {{part.code|autoindent}}
            }
            {% if not part.together %}
            _rows.written(_group.runs[_member]);
            {% endif %}
        }
        {% endif %}
        {% endfor %}
    }
    {% endif %}
    {% else %}
    for (const synfire::Span& _span : _rows.due())
    for (int32_t _r = _span.begin; _r < _span.end; _r++)
    {
        const synfire::Run& _run = _rows.run(_r);
        const size_t _first_synapse = _run.synapse;
        const size_t _first_target = _run.post;
        const size_t _length = _run.length;
        {% if row_sources %}
        const int32_t {{row_source_index}} = {{row_sources}}[_first_synapse];
        {% endif %}
        {% for part in row_loops %}
        {% if part.flags %}
        if (_rows.any({{part.flags}}, _run))
        {% endif %}
        for (size_t _k = 0; _k < _length; _k++)
        {
            const size_t _idx = _first_synapse + _k;
            const size_t _vectorisation_idx = _idx;
            const size_t {{row_target_index}} = _first_target + _k;
            {{part.code|autoindent}}
        }
        {% endfor %}
    }
    {% endif %}
{% endblock %}
