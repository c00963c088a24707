{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# As Brian2's, but skipped in a step in which a shared flag says that it does nothing. #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    //// MAIN CODE ////////////
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% if idle_without %}
    if (!({{idle_without}})) return;
    {% endif %}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
    for(int _idx=0; _idx<_N; _idx++)
    {
        // vector code
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
