{# USES_VARIABLES { delay, _source_dt } #}
{# In place of Brian2's queue of synapses: a ring of runs (rows.h). #}
{% extends 'common_group.cpp' %}

{% block extra_functions_h %}
{% include 'rows.h' %}


namespace brian {
extern synfire::Rows rows_{{owner.name}};
}
{% endblock %}

{% block before_code %}
    void _prepare_rows_{{owner.name}}(double dt);
    _prepare_rows_{{owner.name}}({{_source_dt}});
{% endblock %}

{% block maincode %}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    rows_{{owner.name}}.advance({{_eventspace}}, {{_eventspace}}[_num{{eventspace_variable.name}}-1]);
{% endblock %}

{% block extra_functions_cpp %}
namespace brian {
synfire::Rows rows_{{owner.name}};
}

void _prepare_rows_{{owner.name}}(double dt)
{
    using namespace brian;
    rows_{{owner.name}}.prepare(
        {{get_array_name(owner.synapse_sources, access_data=False)}},
        {{get_array_name(owner.synapse_targets, access_data=False)}},
        {{get_array_name(variables['delay'], access_data=False)}},
        dt, {{owner.spikes_start}}, {{owner.spikes_stop}});
}
{% endblock %}
