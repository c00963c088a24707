{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# As Brian2's, but skipped in a step in which a shared number says that it does nothing. #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    //// MAIN CODE ////////////
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% if idle_without %}
    const int _N = {{idle_without}} ? {{constant_or_scalar('N', variables['N'])}} : 0;
    {% else %}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
    {% endif %}
    {{openmp_pragma('parallel-static')}}
    {% if neurons_apart and not openmp_pragma('with_openmp') %}
    #pragma GCC ivdep
    {% endif %}
    for(int _idx=0; _idx<_N; _idx++)
    {
        // vector code
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
